//! Weak RSA moduli of CVE-2017-15361 ("ROCA"): their private key can be found.
//!
//! The faulty generator made primes of the form `k·M + (65537^a mod M)`, `M`
//! being a product of small primes. So modulo each of those small primes, the
//! modulus lies in the group that 65537 generates; a sound modulus does so for
//! all of them about once in 2^27 (Nemec et al., ACM CCS 2017, §2.3).

/// The small primes of the fingerprint, those that tell something.
const PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus, big-endian, bears the fingerprint.
pub(super) fn is_weak(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_in_group(remainder(modulus, u32::from(*prime)), u32::from(*prime)))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus
        .iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

/// Whether `value` is a power of 65537 modulo `prime`.
fn is_in_group(value: u32, prime: u32) -> bool {
    let generator = 65_537 % prime;
    let mut power = 1;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power = power * generator % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_the_generator_bears_the_fingerprint() {
        assert!(is_weak(&[1]));
        assert!(is_weak(&65_537_u32.to_be_bytes()));
        assert!(is_weak(&(65_537_u64 * 65_537).to_be_bytes()));
        assert!(!is_weak(&[2]));
        assert!(!is_weak(&(65_537_u64 + 2).to_be_bytes()));
    }
}
