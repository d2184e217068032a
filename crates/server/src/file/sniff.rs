//! What a file is, by looking at it and not at its name. What is not on the list is bytes and nothing more: a page, a script,
//! a drawing that runs code are never shown as such.

use std::io::{self, Read, Seek, SeekFrom};

/// For whatever is not known to be harmless.
pub const UNKNOWN: &str = "application/octet-stream";

/// How files of a kind begin: so many bytes are passed over, then these come.
const KINDS: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftypM4A ", "audio/mp4"),
    (4, b"ftypisom", "video/mp4"),
    (4, b"ftypmp42", "video/mp4"),
    (4, b"ftypmp41", "video/mp4"),
    (4, b"ftypqt  ", "video/quicktime"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
];

/// The longest side of a picture, in pixels, and the most in all.
const SIDE_MAX: u32 = 16_384;
const PIXELS_MAX: u64 = 100_000_000;
/// Parts of a JPEG before its size.
const SEGMENTS_MAX: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    Is(&'static str),
    /// A picture that would fill a reader's memory.
    TooLarge {
        width: u32,
        height: u32,
    },
}

/// Pictures that browsers show in place.
pub fn is_picture(content_type: &str) -> bool {
    matches!(content_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// Looks at the first bytes; nothing is unpacked.
pub fn look(file: &mut (impl Read + Seek)) -> io::Result<Sniffed> {
    let mut head = Vec::with_capacity(64);
    file.seek(SeekFrom::Start(0))?;
    file.take(64).read_to_end(&mut head)?;
    let known = KINDS.iter().find(|(from, bytes, kind)| {
        let is_riff = !matches!(*kind, "image/webp" | "audio/wav") || head.starts_with(b"RIFF");
        is_riff && head.get(*from..).is_some_and(|rest| rest.starts_with(bytes))
    });
    let Some((_, _, kind)) = known else { return Ok(Sniffed::Is(UNKNOWN)) };
    let size = match *kind {
        "image/png" => png(&head),
        "image/gif" => gif(&head),
        "image/webp" => webp(&head),
        "image/jpeg" => jpeg(file)?,
        kind => return Ok(Sniffed::Is(kind)),
    };
    Ok(match size {
        Some((width, height)) if is_bounded(width, height) => Sniffed::Is(kind),
        Some((width, height)) => Sniffed::TooLarge { width, height },
        // Something that only begins like a picture.
        None => Sniffed::Is(UNKNOWN),
    })
}

fn is_bounded(width: u32, height: u32) -> bool {
    width.max(height) <= SIDE_MAX && u64::from(width) * u64::from(height) <= PIXELS_MAX
}

fn png(head: &[u8]) -> Option<(u32, u32)> {
    (head.get(12..16)? == b"IHDR").then_some(())?;
    let number = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

fn gif(head: &[u8]) -> Option<(u32, u32)> {
    Some((little(head, 6, 2)?, little(head, 8, 2)?))
}

fn webp(head: &[u8]) -> Option<(u32, u32)> {
    match head.get(12..16)? {
        b"VP8 " => Some((little(head, 26, 2)? & 0x3fff, little(head, 28, 2)? & 0x3fff)),
        b"VP8L" if head.get(20) == Some(&0x2f) => {
            let bits = little(head, 21, 4)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(head, 24, 3)? + 1, little(head, 27, 3)? + 1)),
        _ => None,
    }
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// Goes from segment to segment to the one that says the size.
fn jpeg(file: &mut (impl Read + Seek)) -> io::Result<Option<(u32, u32)>> {
    file.seek(SeekFrom::Start(2))?;
    for _ in 0..SEGMENTS_MAX {
        let mut marker = [0; 4];
        if file.read_exact(&mut marker).is_err() || marker[0] != 0xff {
            return Ok(None);
        }
        let length = u16::from_be_bytes([marker[2], marker[3]]);
        // Start of a frame, in all its kinds; the others between are tables.
        if matches!(marker[1], 0xc0..=0xcf) && !matches!(marker[1], 0xc4 | 0xc8 | 0xcc) {
            let mut frame = [0; 5];
            if file.read_exact(&mut frame).is_err() {
                return Ok(None);
            }
            let height = u16::from_be_bytes([frame[1], frame[2]]);
            let width = u16::from_be_bytes([frame[3], frame[4]]);
            return Ok(Some((width.into(), height.into())));
        }
        // No size before the picture itself begins.
        if length < 2 || matches!(marker[1], 0xd9 | 0xda) {
            return Ok(None);
        }
        file.seek(SeekFrom::Current(i64::from(length) - 2))?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn sniff(bytes: &[u8]) -> Sniffed {
        look(&mut Cursor::new(bytes)).expect("memory can be read")
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x06\0\0\0");
        bytes
    }

    #[test]
    fn files_are_what_they_hold() {
        for (bytes, kind) in [
            (&b"%PDF-1.7\n"[..], "application/pdf"),
            (b"PK\x03\x04....", "application/zip"),
            (b"RIFF....WAVEfmt ", "audio/wav"),
            (b"....ftypisom", "video/mp4"),
            (b"<html><script>alert(1)</script>", UNKNOWN),
            (
                b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>",
                UNKNOWN,
            ),
            (b"<svg onload=alert(1)>", UNKNOWN),
            (b"#!/bin/sh\n", UNKNOWN),
            (b"MZ\x90\0", UNKNOWN),
            (b"GIF", UNKNOWN),
            (b"\x89PNG\r\n\x1a\n<script>", UNKNOWN),
            (b"\xff\xd8\xff\xe0<html>", UNKNOWN),
            (b"....WEBPVP8 ", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(sniff(bytes), Sniffed::Is(kind), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn pictures_have_a_size_and_a_bound() {
        assert_eq!(sniff(&png_of(640, 480)), Sniffed::Is("image/png"));
        assert_eq!(
            sniff(&png_of(60_000, 60_000)),
            Sniffed::TooLarge { width: 60_000, height: 60_000 }
        );
        assert!(matches!(sniff(&png_of(16_000, 16_000)), Sniffed::TooLarge { .. }));
        assert!(matches!(sniff(&png_of(u32::MAX, 1)), Sniffed::TooLarge { .. }));
        assert_eq!(sniff(b"GIF89a\x10\0\x20\0\0\0\0"), Sniffed::Is("image/gif"));
        assert!(matches!(sniff(b"GIF89a\xff\xff\xff\xff"), Sniffed::TooLarge { .. }));
        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        webp.extend([0xff, 0xff, 0xff, 0, 0, 0]);
        assert!(matches!(sniff(&webp), Sniffed::TooLarge { width: 16_777_216, height: 1 }));
        let lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x0f\x40\x00\x00";
        assert_eq!(sniff(lossless), Sniffed::Is("image/webp"));
    }

    #[test]
    fn a_jpeg_is_read_up_to_its_frame() {
        let jpeg = |width: u16, height: u16| {
            let mut bytes = b"\xff\xd8\xff\xe1\x40\x00".to_vec();
            bytes.extend(vec![0; 0x4000 - 2]);
            bytes.extend(b"\xff\xc4\x00\x04\0\0\xff\xc2\x00\x11\x08");
            bytes.extend(height.to_be_bytes());
            bytes.extend(width.to_be_bytes());
            bytes
        };
        assert_eq!(sniff(&jpeg(800, 600)), Sniffed::Is("image/jpeg"));
        assert!(matches!(sniff(&jpeg(65_535, 65_535)), Sniffed::TooLarge { .. }));
        for length in 0..jpeg(1, 1).len() {
            let cut = &jpeg(1, 1)[..length];
            assert!(matches!(sniff(cut), Sniffed::Is(UNKNOWN)), "{length}");
        }
    }
}
