//! When two texts are the same to a reader.

use std::borrow::Cow;

use unicase::UniCase;
use unicode_normalization::{UnicodeNormalization as _, is_nfkc};

/// `text` in Unicode NFKC with case folded, and each run of white space as one space, none at the ends.
///
/// Compatibility composition comes before and after folding, as Unicode's compatibility caseless match has it (The Unicode
/// Standard, section 3.13), because folding can undo composition. Applying it twice changes nothing more.
pub fn normalized(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(joined(&text.to_ascii_lowercase()));
    }
    let mut form = folded(text);
    // One more round is needed only where composing after folding made a foldable character anew.
    loop {
        let again = folded(&form);
        if again == form {
            return Cow::Owned(form);
        }
        form = again;
    }
}

fn folded(text: &str) -> String {
    let folded = UniCase::unicode(text.nfkc().collect::<String>()).to_folded_case();
    let composed = if is_nfkc(&folded) {
        folded
    } else {
        folded.nfkc().collect()
    };
    joined(&composed)
}

fn joined(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = String::with_capacity(text.len());
    line.extend(words.next());
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// Whether `text` is plain lower-case ASCII in single spaces already, as much of the input is.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let spaced = bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
        && !bytes.windows(2).any(|pair| pair == b"  ");
    spaced
        && bytes
            .iter()
            .all(|&byte| (b' '..=b'~').contains(&byte) && !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_twins_have_one_form() {
        let twins = [
            ["Hello  World", "hello world"],
            [" tab\tand\nline ", "tab and line"],
            ["ﬁne", "FINE"],
            ["Straße", "STRASSE"],
            ["Ｆｕｌｌ", "full"],
            ["caf\u{e9}", "CAFE\u{301}"],
            ["x\u{a0}y", "x y"],
            ["ΑΣ", "ας"],
        ];
        for [a, b] in twins {
            assert_eq!(normalized(a), normalized(b), "{a:?} and {b:?}");
        }
        assert_ne!(normalized("resume"), normalized("résumé"));
        assert_eq!(normalized(" \u{2003} "), "");
    }
}
