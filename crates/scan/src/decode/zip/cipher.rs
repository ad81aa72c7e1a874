//! Encrypted entries of zip archives.

use super::super::ArchivePassword;
use super::super::stream::Stream;
use super::header::{Aes, Entry};
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit as _};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::io::{self, BufRead, Read};
use zeroize::{Zeroize as _, Zeroizing};

/// The mark behind an AES entry, in bytes.
const MARK: usize = 10;
/// What stands before a `ZipCrypto` entry, in bytes.
const SEED: usize = 12;
const AES_ROUNDS: u32 = 1000;

/// The bytes of one entry, decrypted where they are encrypted. Takes exactly as many from the archive as were read.
pub(super) struct Packed<'s, 'a> {
    stream: &'s mut Stream<'a>,
    /// Bytes left; `None` where the entry's own end tells.
    left: Option<u64>,
    cipher: Cipher,
    clear: Zeroizing<Vec<u8>>,
    at: usize,
}

enum Cipher {
    None,
    Zip(ZipCrypto),
    Aes(Box<Counter>),
}

/// Why an entry cannot be decrypted.
pub(super) enum Locked {
    NoPassword(&'static str),
    WrongPassword(&'static str),
    Unknown(&'static str),
    Short,
}

impl<'s, 'a> Packed<'s, 'a> {
    /// Starts to read an entry behind its header.
    pub fn new(stream: &'s mut Stream<'a>, entry: &Entry, passwords: &[ArchivePassword]) -> Result<Self, Locked> {
        let mut packed = Self { stream, left: entry.packed, cipher: Cipher::None, clear: Zeroizing::default(), at: 0 };
        if entry.is_encrypted() {
            packed.unlock(entry, passwords)?;
        }
        Ok(packed)
    }

    fn unlock(&mut self, entry: &Entry, passwords: &[ArchivePassword]) -> Result<(), Locked> {
        if entry.is_strong() {
            return Err(Locked::Unknown("PKWARE strong encryption"));
        }
        let method = match entry.aes {
            None => "ZipCrypto",
            Some(Aes { strength: 1, .. }) => "AES-128, zip",
            Some(Aes { strength: 2, .. }) => "AES-192, zip",
            Some(Aes { strength: 3, .. }) => "AES-256, zip",
            Some(_) => return Err(Locked::Unknown("AES of unknown strength")),
        };
        if passwords.is_empty() {
            return Err(Locked::NoPassword(method));
        }
        let before = match entry.aes {
            None => SEED,
            Some(aes) => 4 + 4 * usize::from(aes.strength) + 2,
        };
        let behind = if entry.aes.is_some() { MARK } else { 0 };
        if let Some(left) = &mut self.left {
            *left = left.checked_sub((before + behind) as u64).ok_or(Locked::Short)?;
        }
        let head = self.stream.take_vec(before).ok_or(Locked::Short)?;
        let found = match entry.aes {
            None => self.find_zip(entry, passwords, &head),
            Some(aes) => passwords.iter().find_map(|password| Counter::new(password, aes, &head)).map(Cipher::Aes),
        };
        self.cipher = found.ok_or(Locked::WrongPassword(method))?;
        Ok(())
    }

    /// One byte tells a wrong password in 255 of 256 cases; of deflated entries the first bytes tell the rest.
    fn find_zip(&mut self, entry: &Entry, passwords: &[ArchivePassword], seed: &[u8]) -> Option<Cipher> {
        let check = if entry.has_descriptor() { (entry.time >> 8) as u8 } else { (entry.crc >> 24) as u8 };
        for password in passwords {
            let mut keys = ZipCrypto::new(password.text().as_bytes());
            let mut opened = Zeroizing::new(seed.to_vec());
            keys.decrypt(&mut opened);
            if opened[SEED - 1] != check {
                continue;
            }
            let sample = self.left.unwrap_or(u64::MAX).min(4096) as usize;
            let mut sample = Zeroizing::new(self.stream.peek(sample).to_vec());
            keys.clone().decrypt(&mut sample);
            if entry.method != 8 || looks_deflated(&sample) {
                return Some(Cipher::Zip(keys));
            }
        }
        None
    }

    /// Looks at the next bytes of an entry that is not encrypted and whose size is not known.
    pub fn peek_stored(&mut self, count: usize) -> &[u8] {
        self.stream.peek(count)
    }

    /// Counts what was taken from the archive.
    pub fn meter(&self) -> std::rc::Rc<std::cell::Cell<u64>> {
        self.stream.meter()
    }

    /// Passes over what was not read of the entry, and its mark; gives whether the mark fits what was read, and
    /// `None` where the archive ends before the entry does.
    ///
    /// `whole` says that the content was read to its end, without which nothing can be said.
    pub fn finish(mut self, whole: bool) -> Option<bool> {
        if let Some(left) = self.left {
            // What is left unread belongs under the mark too.
            while whole && matches!(self.cipher, Cipher::Aes(_)) && self.fill_buf().is_ok_and(|rest| !rest.is_empty()) {
                let count = self.clear.len() - self.at;
                self.consume(count);
            }
            let left = self.left.unwrap_or(left);
            if self.stream.skip(left) < left {
                return None;
            }
        }
        let Cipher::Aes(counter) = self.cipher else { return Some(true) };
        let mark: [u8; MARK] = self.stream.take_array()?;
        Some(!whole || counter.mac.verify_truncated_left(&mark).is_ok())
    }
}

impl BufRead for Packed<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == Some(0) {
            return Ok(&[]);
        }
        if matches!(self.cipher, Cipher::None) {
            let available = self.stream.fill_buf()?;
            let most = self.left.map_or(available.len(), |left| left.min(available.len() as u64) as usize);
            return Ok(&available[..most]);
        }
        if self.at == self.clear.len() {
            let available = self.stream.fill_buf()?;
            let most = self.left.map_or(available.len(), |left| left.min(available.len() as u64) as usize);
            // The clear bytes do not outlive the step that needs them, and growing must leave none behind.
            self.clear.zeroize();
            self.clear.extend_from_slice(&available[..most.min(16 << 10)]);
            self.at = 0;
            match &mut self.cipher {
                Cipher::None => {}
                Cipher::Zip(keys) => keys.decrypt(&mut self.clear),
                Cipher::Aes(counter) => counter.decrypt(&mut self.clear),
            }
        }
        Ok(&self.clear[self.at..])
    }

    fn consume(&mut self, count: usize) {
        if let Cipher::Aes(counter) = &mut self.cipher {
            // Its mark is over what was taken: with an unknown size more was decrypted than belongs to the entry.
            counter.authenticate(&self.stream.peek(count)[..count]);
        }
        self.at += count;
        self.stream.consume(count);
        if let Some(left) = &mut self.left {
            *left -= count as u64;
        }
    }
}

impl Read for Packed<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// Whether bytes can start a deflated stream.
fn looks_deflated(bytes: &[u8]) -> bool {
    let mut out = Zeroizing::new(vec![0; 32 << 10]);
    flate2::Decompress::new(false).decompress(bytes, &mut out, flate2::FlushDecompress::None).is_ok()
}

/// PKWARE's first cipher: three keys of 32 bits.
#[derive(Clone)]
struct ZipCrypto([u32; 3]);

impl Drop for ZipCrypto {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZipCrypto {
    fn new(password: &[u8]) -> Self {
        let mut keys = Self([0x1234_5678, 0x2345_6789, 0x3456_7890]);
        for byte in password {
            keys.update(*byte);
        }
        keys
    }

    fn update(&mut self, byte: u8) {
        let [first, second, third] = &mut self.0;
        *first = crc_step(*first, byte);
        *second = second.wrapping_add(*first & 0xff).wrapping_mul(0x0808_8405).wrapping_add(1);
        *third = crc_step(*third, (*second >> 24) as u8);
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let mask = (self.0[2] | 2) & 0xffff;
            *byte ^= (mask.wrapping_mul(mask ^ 1) >> 8) as u8;
            self.update(*byte);
        }
    }
}

/// One step of the CRC-32, without the inversions around it.
fn crc_step(crc: u32, byte: u8) -> u32 {
    TABLE[usize::from((crc as u8) ^ byte)] ^ (crc >> 8)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
};

/// AES in counter mode as `WinZip` has it: the counter is little-endian and starts at one.
struct Counter {
    block: Block,
    number: u128,
    pad: Zeroizing<[u8; 16]>,
    used: usize,
    mac: Hmac<Sha1>,
}

enum Block {
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

impl Counter {
    /// Derives the keys; `None` when the two check bytes say that the password is wrong.
    fn new(password: &ArchivePassword, aes: Aes, head: &[u8]) -> Option<Box<Self>> {
        let (salt, check) = head.split_at(head.len() - 2);
        let key_bytes = 8 + 8 * usize::from(aes.strength);
        let mut keys = Zeroizing::new(vec![0; 2 * key_bytes + 2]);
        pbkdf2::pbkdf2_hmac::<Sha1>(password.text().as_bytes(), salt, AES_ROUNDS, &mut keys);
        if keys[2 * key_bytes..] != *check {
            return None;
        }
        let (key, mac_key) = keys[..2 * key_bytes].split_at(key_bytes);
        let block = match aes.strength {
            1 => Block::Aes128(aes::Aes128::new_from_slice(key).ok()?),
            2 => Block::Aes192(aes::Aes192::new_from_slice(key).ok()?),
            _ => Block::Aes256(aes::Aes256::new_from_slice(key).ok()?),
        };
        let mac = Hmac::new_from_slice(mac_key).ok()?;
        Some(Box::new(Self { block, number: 0, pad: Zeroizing::default(), used: 16, mac }))
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.pad.len() {
                self.number += 1;
                let mut block = Array::from(self.number.to_le_bytes());
                match &self.block {
                    Block::Aes128(cipher) => cipher.encrypt_block(&mut block),
                    Block::Aes192(cipher) => cipher.encrypt_block(&mut block),
                    Block::Aes256(cipher) => cipher.encrypt_block(&mut block),
                }
                (*self.pad, self.used) = (block.into(), 0);
            }
            *byte ^= self.pad[self.used];
            self.used += 1;
        }
    }

    fn authenticate(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
    }
}
