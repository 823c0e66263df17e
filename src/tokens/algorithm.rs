use std::{fmt, str::FromStr};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::SecretSlice;

/// How tokens are signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, and a key of 2048 bits.
    Rs256,
}

/// Both halves of a new key.
pub(super) struct Pair {
    pub public: Vec<u8>,
    pub private: SecretSlice<u8>,
}

impl SigningAlgorithm {
    /// Its name in a token's header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    pub(super) fn jws(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
            Self::Rs256 => Algorithm::RS256,
        }
    }

    /// Makes a key; for RSA that takes a moment.
    pub(super) fn generate(self) -> Option<Pair> {
        let pair = |public: &dyn AsRef<[u8]>, private: &[u8]| Pair {
            public: public.as_ref().to_vec(),
            private: private.to_vec().into(),
        };
        match self {
            Self::Es256 => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).ok()?;
                let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).ok()?;
                Some(pair(key.public_key(), pkcs8.as_ref()))
            }
            Self::EdDsa => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok()?;
                let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).ok()?;
                Some(pair(key.public_key(), pkcs8.as_ref()))
            }
            Self::Rs256 => {
                let pkcs8 = RsaKeyPair::generate(KeySize::Rsa2048).ok()?.as_der().ok()?;
                let pkcs1 = pkcs8.as_ref().get(PKCS8_HEADER..)?;
                let key = RsaKeyPair::from_der(pkcs1).ok()?;
                Some(pair(key.public_key(), pkcs1))
            }
        }
    }

    /// What signs, of a private half that [`SigningAlgorithm::generate`] made.
    pub(super) fn signing(self, private: &[u8]) -> EncodingKey {
        match self {
            Self::Es256 => EncodingKey::from_ec_der(private),
            Self::EdDsa => EncodingKey::from_ed_der(private),
            Self::Rs256 => EncodingKey::from_rsa_der(private),
        }
    }

    /// What verifies, of its public half.
    pub(super) fn verifying(self, public: &[u8]) -> DecodingKey {
        match self {
            Self::Es256 => DecodingKey::from_ec_der(public),
            Self::EdDsa => DecodingKey::from_ed_der(public),
            Self::Rs256 => DecodingKey::from_rsa_der(public),
        }
    }
}

/// jsonwebtoken wants an RSA key as in RFC 8017 §A.1.2; RFC 5208 puts so many bytes before it, for one of 2048 bits.
const PKCS8_HEADER: usize = 26;

impl FromStr for SigningAlgorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let known = [Self::Es256, Self::EdDsa, Self::Rs256];
        known.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or("must be ES256, EdDSA or RS256")
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
