//! One probe of the processor, made once; every kernel chooses its variant by it.

use std::sync::OnceLock;

/// The instruction sets a kernel may use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a processor's features are independent yes-or-no facts"
)]
pub struct Features {
    /// AVX2 with FMA.
    pub avx2: bool,
    /// AVX-512 F, BW, DQ and VL.
    pub avx512: bool,
    /// AVX-512 VNNI, with the above.
    pub avx512_vnni: bool,
    /// Arm Advanced SIMD.
    pub neon: bool,
    /// Its dot product of int8, with the above.
    pub neon_dotprod: bool,
}

impl Features {
    /// The names of what is there, for logs and benches.
    pub fn names(self) -> Vec<&'static str> {
        [
            (self.avx2, "avx2"),
            (self.avx512, "avx512"),
            (self.avx512_vnni, "avx512_vnni"),
            (self.neon, "neon"),
            (self.neon_dotprod, "neon_dotprod"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
        .collect()
    }
}

/// What this processor has, probed at the first call.
pub fn features() -> Features {
    static FEATURES: OnceLock<Features> = OnceLock::new();
    *FEATURES.get_or_init(probe)
}

#[cfg(target_arch = "x86_64")]
fn probe() -> Features {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    Features {
        avx2,
        avx512,
        avx512_vnni: avx512 && is_x86_feature_detected!("avx512vnni"),
        ..Features::default()
    }
}

#[cfg(target_arch = "aarch64")]
fn probe() -> Features {
    let neon = std::arch::is_aarch64_feature_detected!("neon");
    Features {
        neon,
        neon_dotprod: neon && std::arch::is_aarch64_feature_detected!("dotprod"),
        ..Features::default()
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn probe() -> Features {
    Features::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_sets_imply_smaller_ones() {
        let found = features();
        assert!(!found.avx512 || found.avx2);
        assert!(!found.avx512_vnni || found.avx512);
        assert!(!found.neon_dotprod || found.neon);
        assert_eq!(
            found.names().len(),
            [
                found.avx2,
                found.avx512,
                found.avx512_vnni,
                found.neon,
                found.neon_dotprod
            ]
            .iter()
            .filter(|&&x| x)
            .count()
        );
    }
}
