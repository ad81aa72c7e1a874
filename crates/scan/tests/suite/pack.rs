//! Small writers of archives, for shapes that no tool writes.

use std::io::Write as _;

/// Packs bytes as one member.
pub type Packer = fn(&[u8]) -> Vec<u8>;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = {
        let mut about = lz4_flex::frame::FrameInfo::new();
        about.block_size = lz4_flex::frame::BlockSize::Max64KB;
        lz4_flex::frame::FrameEncoder::with_frame_info(about, Vec::new())
    };
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A tar archive of files; `kind` is the header's type.
pub fn tar(files: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, content) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000644\0");
        write!(&mut header[124..136], "{:011o}", content.len()).expect("room");
        header[148..156].fill(b' ');
        header[156] = *kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        write!(&mut header[148..155], "{sum:06o}\0").expect("room");
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// An entry of a zip archive, with its bytes packed already.
pub struct Entry<'a> {
    pub name: &'a [u8],
    pub method: u16,
    pub packed: Vec<u8>,
    pub content: &'a [u8],
}

impl<'a> Entry<'a> {
    pub fn stored(name: &'a [u8], content: &'a [u8]) -> Self {
        Self { name, method: 0, packed: content.to_vec(), content }
    }

    pub fn deflated(name: &'a [u8], content: &'a [u8]) -> Self {
        Self { name, method: 8, packed: deflate(content), content }
    }

    /// Method, time, checksum, sizes and the length of the name, which both headers have.
    fn common(&self) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(self.content);
        let mut bytes = self.method.to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        bytes.extend(crc.sum().to_le_bytes());
        bytes.extend((self.packed.len() as u32).to_le_bytes());
        bytes.extend((self.content.len() as u32).to_le_bytes());
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes
    }

    pub fn local(&self) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04\x14\0\0\0".to_vec();
        bytes.extend(self.common());
        bytes.extend([0; 2]);
        bytes.extend(self.name);
        bytes.extend(&self.packed);
        bytes
    }

    pub fn central(&self, offset: usize) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02\x14\0\x14\0\0\0".to_vec();
        bytes.extend(self.common());
        bytes.extend([0; 12]);
        bytes.extend((offset as u32).to_le_bytes());
        bytes.extend(self.name);
        bytes
    }
}

/// Puts the directory behind local headers: each entry with the place of its header.
pub fn zip_of(mut local: Vec<u8>, entries: &[(&Entry<'_>, usize)]) -> Vec<u8> {
    let at = local.len();
    for (entry, offset) in entries {
        local.extend(entry.central(*offset));
    }
    let size = local.len() - at;
    local.extend(b"PK\x05\x06\0\0\0\0");
    local.extend((entries.len() as u16).to_le_bytes());
    local.extend((entries.len() as u16).to_le_bytes());
    local.extend((size as u32).to_le_bytes());
    local.extend((at as u32).to_le_bytes());
    local.extend([0; 2]);
    local
}

pub fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut local = Vec::new();
    let mut placed = Vec::new();
    for entry in entries {
        placed.push((entry, local.len()));
        local.extend(entry.local());
    }
    zip_of(local, &placed)
}
