//! Pinned shapes that the benches share.
