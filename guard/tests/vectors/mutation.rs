//! Tokens changed at random: only the very same text is accepted.

use crate::support::{STAGE, accepted, refused};

/// What a change may put in: what tokens are made of, and what is near to that.
const BYTES: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_..==+/ \n\0{}\":,~";

/// `SplitMix64`, so that every run sees the same changes (of tokens by keys of its own).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        BYTES[self.below(BYTES.len())]
    }

    fn change(&mut self, token: &mut Vec<u8>) {
        let (at, to) = (self.below(token.len()), self.below(token.len()));
        let (from, until) = (at.min(to), at.max(to));
        match self.below(8) {
            0 => token[at] = self.byte(),
            1 => token.insert(at, self.byte()),
            2 => drop(token.remove(at)),
            3 => token.swap(at, to),
            4 => token[at] ^= 1 << self.below(7),
            5 => token.truncate(until.max(1)),
            6 => token[from..until].reverse(),
            _ => {
                let piece = token[from..until].to_vec();
                token.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn a_token_changed_anywhere_is_refused() {
    let mut random = Random(7519);
    for signer in STAGE.signers() {
        let token = signer.token();
        // It has been seen, so that a change that were taken for it would pass.
        accepted(signer.kid, &token);
        let mut changed = 0;
        for _ in 0..5_000 {
            let mut bytes = token.clone().into_bytes();
            for _ in 0..=random.below(3) {
                random.change(&mut bytes);
            }
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if text != token {
                refused("changed", &text);
                changed += 1;
            }
        }
        assert!(changed > 4_000, "{changed}");
        accepted(signer.kid, &token);
    }
}

/// Every character by the next one of the alphabet and with every bit turned, over the whole token.
#[test]
fn every_character_of_a_token_counts() {
    for signer in STAGE.signers() {
        let token = signer.token();
        accepted(signer.kid, &token);
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                refused(&format!("bit {bit} of character {at}"), &String::from_utf8(bytes).unwrap());
            }
        }
    }
}
