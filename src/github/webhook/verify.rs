//! The signature of a delivery: HMAC-SHA256 over the raw body, under one of the secrets in force.
//!
//! Every secret is tried in full whatever the earlier ones said, and the comparison takes the same time wherever two
//! signatures differ. The body is never parsed here.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Checks signatures. It holds at least one secret, and none is empty.
#[derive(Clone)]
pub struct Verifier {
    keyed: Vec<Hmac<Sha256>>,
}

/// There is no secret, or one of them is empty: everybody could sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is missing or empty")]
pub struct NoSecret;

/// Why a delivery is not GitHub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no `X-Hub-Signature-256`.
    #[error("signature header is missing")]
    Missing,
    /// It is not `sha256=` and 64 lower-case hexadecimal digits.
    #[error("signature header is malformed")]
    Malformed,
    /// No secret gives this signature.
    #[error("signature does not match")]
    Mismatch,
}

impl Verifier {
    /// A verifier that accepts each of `secrets` (several while they are being rotated).
    ///
    /// # Errors
    ///
    /// If the list or one of the secrets is empty.
    pub fn new(secrets: Vec<Vec<u8>>) -> Result<Self, NoSecret> {
        if secrets.is_empty() || secrets.iter().any(Vec::is_empty) {
            return Err(NoSecret);
        }
        let keyed = secrets.into_iter().map(|secret| Hmac::new_from_slice(&secret).map_err(|_| NoSecret));
        Ok(Self { keyed: keyed.collect::<Result<_, _>>()? })
    }

    /// Checks the value of `X-Hub-Signature-256` against the raw body; says which secret (counted from 0) made it.
    ///
    /// # Errors
    ///
    /// If the header is missing or malformed, or no secret matches.
    pub fn verify(&self, raw_body: &[u8], header: Option<&str>) -> Result<usize, Refused> {
        let claimed = claimed(header.ok_or(Refused::Missing)?)?;
        let mut matched = None;
        for (which, keyed) in self.keyed.iter().enumerate() {
            let right = keyed.clone().chain_update(raw_body).verify_slice(&claimed).is_ok();
            matched = matched.or(right.then_some(which));
        }
        matched.ok_or(Refused::Mismatch)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("secrets", &self.keyed.len()).finish()
    }
}

fn claimed(header: &str) -> Result<[u8; 32], Refused> {
    let digits = header.strip_prefix("sha256=").ok_or(Refused::Malformed)?;
    // GitHub writes lower case; a second spelling of one signature helps nobody but an attacker.
    if digits.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Refused::Malformed);
    }
    let mut claimed = [0; 32];
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| Refused::Malformed)?;
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn verifier(secrets: &[&[u8]]) -> Verifier {
        Verifier::new(secrets.iter().map(|secret| secret.to_vec()).collect()).unwrap()
    }

    // G005
    #[test]
    fn the_documented_vector_is_accepted() {
        assert_eq!(verifier(&[SECRET]).verify(BODY, Some(SIGNATURE)), Ok(0));
    }

    // G004
    #[test]
    fn every_flipped_bit_of_signature_or_body_is_refused() {
        let verifier = verifier(&[SECRET]);
        let mut signature = hex::decode(&SIGNATURE[7..]).unwrap();
        for bit in 0..256 {
            signature[bit / 8] ^= 1 << (bit % 8);
            let header = format!("sha256={}", hex::encode(&signature));
            assert_eq!(verifier.verify(BODY, Some(&header)), Err(Refused::Mismatch));
            signature[bit / 8] ^= 1 << (bit % 8);
        }
        let mut body = BODY.to_vec();
        for bit in 0..body.len() * 8 {
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verifier.verify(&body, Some(SIGNATURE)), Err(Refused::Mismatch));
            body[bit / 8] ^= 1 << (bit % 8);
        }
    }

    // G004
    #[test]
    fn a_malformed_header_is_refused() {
        let digits = &SIGNATURE[7..];
        let malformed = [
            String::new(),
            digits.to_owned(),
            format!("SHA256={digits}"),
            format!("sha1={}", &digits[..40]),
            format!("sha256={}", digits.to_uppercase()),
            format!("sha256={}", &digits[..63]),
            format!("sha256={}", &digits[..62]),
            format!("sha256={digits}0"),
            format!("sha256={digits} "),
            format!(" sha256={digits}"),
            format!("sha256=sha256={digits}"),
            "sha256=".to_owned(),
        ];
        for header in malformed {
            assert_eq!(verifier(&[SECRET]).verify(BODY, Some(&header)), Err(Refused::Malformed), "{header:?}");
        }
        assert_eq!(verifier(&[SECRET]).verify(BODY, None), Err(Refused::Missing));
    }

    // G006
    #[test]
    fn during_a_rotation_either_secret_is_accepted_and_named() {
        assert_eq!(verifier(&[b"new", SECRET]).verify(BODY, Some(SIGNATURE)), Ok(1));
        assert_eq!(verifier(&[SECRET, b"new"]).verify(BODY, Some(SIGNATURE)), Ok(0));
        assert_eq!(verifier(&[b"new"]).verify(BODY, Some(SIGNATURE)), Err(Refused::Mismatch));
    }

    // G007
    #[test]
    fn no_secret_or_an_empty_one_is_refused() {
        assert_eq!(Verifier::new(vec![]).err(), Some(NoSecret));
        assert_eq!(Verifier::new(vec![vec![]]).err(), Some(NoSecret));
        assert_eq!(Verifier::new(vec![SECRET.to_vec(), vec![]]).err(), Some(NoSecret));
    }
}
