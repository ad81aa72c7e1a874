//! Archives and compressions around documents, written by hand where no crate of ours writes them.

use std::io::Write as _;

/// A way to pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip in several members.
    Gzip,
    /// zstd.
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// lz4's frames.
    Lz4,
    /// zip, deflated.
    Zip,
    /// tar.
    Tar,
    /// 7z, copied.
    SevenZip,
    /// tar in gzip.
    TarGzip,
    /// gzip in zip in zstd.
    Nested,
}

impl Packing {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::Gzip,
        Self::Zstd,
        Self::Bzip2,
        Self::Xz,
        Self::Lz4,
        Self::Zip,
        Self::Tar,
        Self::SevenZip,
        Self::TarGzip,
        Self::Nested,
    ];

    /// Packs a file.
    pub fn pack(self, name: &str, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Gzip => {
                let (first, rest) = bytes.split_at(bytes.len() / 2);
                [gzip(first), gzip(rest)].concat()
            }
            Self::Zstd => zstd::encode_all(bytes, 1).expect("memory"),
            Self::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(bytes).expect("memory");
                encoder.finish().expect("memory")
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                encoder.write_all(bytes).expect("memory");
                encoder.finish().expect("memory")
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).expect("memory");
                encoder.finish().expect("memory")
            }
            Self::Zip => zip(&[(name.to_owned(), bytes.to_vec())]),
            Self::Tar => tar(&[(name.to_owned(), bytes.to_vec())]),
            Self::SevenZip => seven_zip(name, bytes),
            Self::TarGzip => gzip(&tar(&[(name.to_owned(), bytes.to_vec())])),
            Self::Nested => {
                let inner = zip(&[(format!("{name}.gz"), gzip(bytes))]);
                zstd::encode_all(&inner[..], 1).expect("memory")
            }
        }
    }

    /// What the file's name ends in.
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
            Self::Lz4 => ".lz4",
            Self::Zip => ".zip",
            Self::Tar => ".tar",
            Self::SevenZip => ".7z",
            Self::TarGzip => ".tar.gz",
            Self::Nested => ".zip.zst",
        }
    }
}

/// One member of gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A zip archive of files, deflated.
pub fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("memory");
        let packed = encoder.finish().expect("memory");
        // Flag 11: the name is UTF-8.
        let mut about = vec![0x14, 0, 0, 0x08, 8, 0, 0, 0, 0, 0];
        about.extend(crc(content).to_le_bytes());
        about.extend((packed.len() as u32).to_le_bytes());
        about.extend((content.len() as u32).to_le_bytes());
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0; 2]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend((archive.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&about);
        archive.extend(name.as_bytes());
        archive.extend(packed);
    }
    let (at, size, count) = (archive.len() as u32, directory.len() as u32, files.len() as u16);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    archive.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    archive.extend([0; 2]);
    archive
}

/// A tar archive of files.
pub fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        write!(&mut header[124..136], "{:011o}", content.len()).expect("room");
        header[148..156].fill(b' ');
        header[156] = b'0';
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

/// A 7z archive of one file that is not compressed.
fn seven_zip(name: &str, content: &[u8]) -> Vec<u8> {
    let size = number(content.len() as u64);
    let mut header = vec![0x01, 0x04]; // header, streams
    header.extend([&[0x06, 0x00, 0x01, 0x09][..], &size, &[0x00]].concat()); // one packed stream at 0
    header.extend([&[0x07, 0x0B, 0x01, 0x00, 0x01, 0x01, 0x00, 0x0C][..], &size, &[0x00]].concat()); // a folder: copy
    header.extend([&[0x08, 0x0A, 0x01][..], &crc(content).to_le_bytes(), &[0x00, 0x00]].concat()); // its checksum
    let names: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    header.extend([0x05, 0x01, 0x11]);
    header.extend(number(names.len() as u64 + 1));
    header.push(0x00);
    header.extend(names);
    header.extend([0x00, 0x00]);
    let mut start = (content.len() as u64).to_le_bytes().to_vec();
    start.extend((header.len() as u64).to_le_bytes());
    start.extend(crc(&header).to_le_bytes());
    let signature = [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0x00, 0x04];
    [&signature[..], &crc(&start).to_le_bytes(), &start, content, &header].concat()
}

/// A number as 7z writes it: nine bytes at most, here always nine where one is not enough.
fn number(value: u64) -> Vec<u8> {
    if value < 0x80 { vec![value as u8] } else { [&[0xFF][..], &value.to_le_bytes()].concat() }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
