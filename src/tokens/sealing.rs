use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use secrecy::{ExposeSecret, SecretSlice};

use crate::random;

const FILE: &str = "key-encryption.key";
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key under which private signing keys are stored.
#[derive(Clone, Debug)]
pub struct KeyEncryptionKey(SecretSlice<u8>);

/// What is wrong with a key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes.
    #[error("it must be 32 bytes in base64; make one with: openssl rand -base64 32")]
    Malformed,
    /// Its file can't be read or made.
    #[error("{0}: {1}")]
    File(String, io::Error),
}

impl KeyEncryptionKey {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes::<32>().to_vec().into())
    }

    /// 32 bytes, in base64.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = LENIENT.decode(text.trim()).map_err(|_| KeyError::Malformed)?;
        if bytes.len() == 32 { Ok(Self(bytes.into())) } else { Err(KeyError::Malformed) }
    }

    /// Its file in the data directory.
    #[must_use]
    pub fn file(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// From its file in the data directory, which is made (readable by its owner only) if missing.
    pub fn from_data_dir(directory: &Path) -> Result<Self, KeyError> {
        let path = Self::file(directory);
        let failed = |error| KeyError::File(path.display().to_string(), error);
        let mut options = fs::OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                let text = STANDARD.encode(random::bytes::<32>());
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let malformed = |_| failed(io::Error::new(io::ErrorKind::InvalidData, KeyError::Malformed.to_string()));
        Self::from_base64(&fs::read_to_string(&path).map_err(failed)?).map_err(malformed)
    }

    /// Encrypts `secret` for storage under `name` (AES-256-GCM; the nonce comes first).
    #[must_use]
    pub fn seal(&self, name: &str, secret: &[u8]) -> Option<Vec<u8>> {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        let aad = Aad::from(name.as_bytes());
        self.cipher()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Decrypts what was sealed under `name`; nothing if it was another key or name, or was changed.
    #[must_use]
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<SecretSlice<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let secret = self.cipher()?.open_in_place(nonce, Aad::from(name.as_bytes()), &mut bytes).ok()?;
        Some(secret.to_vec().into())
    }

    /// A key for authenticating something else, the same on every node.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> hmac::Key {
        let master = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&master, purpose.as_bytes()).as_ref())
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.0.expose_secret()).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_sealed_opens_under_its_own_key_and_name_only() {
        let key = KeyEncryptionKey::generate();
        let other = KeyEncryptionKey::generate();
        let mut sealed = key.seal("name", b"secret").unwrap();
        assert_eq!(key.open("name", &sealed).unwrap().expose_secret(), b"secret");
        assert!(key.open("another", &sealed).is_none());
        assert!(other.open("name", &sealed).is_none());
        sealed[NONCE_LEN] ^= 1;
        assert!(key.open("name", &sealed).is_none());
        assert!(key.open("name", b"short").is_none());
    }

    #[test]
    fn the_file_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let first = KeyEncryptionKey::from_data_dir(directory.path()).unwrap();
        let second = KeyEncryptionKey::from_data_dir(directory.path()).unwrap();
        assert_eq!(first.0.expose_secret(), second.0.expose_secret());
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_32_bytes_of_base64_padded_or_not() {
        let padded = STANDARD.encode([7; 32]);
        assert!(KeyEncryptionKey::from_base64(&padded).is_ok());
        assert!(KeyEncryptionKey::from_base64(padded.trim_end_matches('=')).is_ok());
        for bad in ["", "AAAA", "!", &STANDARD.encode([7; 31])] {
            assert!(KeyEncryptionKey::from_base64(bad).is_err(), "{bad}");
        }
    }
}
