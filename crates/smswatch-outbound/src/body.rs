//! The body of an answer: bounded, and unpacked if it was compressed on the way.
//!
//! smswatch never asks for compression. Some gateways and proxies compress all the same, and some say
//! that they do and do not. What can be read is read.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// What every gzip file begins with; no text does.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// How often an answer may be compressed over.
const MOST_LAYERS: usize = 3;

/// Why the body of an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the caller takes, as it came or unpacked.
    #[error("it is too large")]
    TooLarge,
    /// It is compressed in a way that is not known here; its name is within.
    #[error(
        "it is compressed ({0}), which smswatch did not ask for; have whatever stands before it send it \
         as it is"
    )]
    Compressed(String),
    /// It is compressed, and does not unpack.
    #[error("it is compressed, and damaged")]
    Damaged,
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// Reads the body of an answer, at most `most` bytes as it comes and `most` bytes unpacked.
///
/// # Errors
///
/// It is too large, broke off, or is compressed and cannot be unpacked.
pub async fn read_body(mut response: Response, most: usize) -> Result<Bytes, BodyError> {
    // Nearly all answers come in one piece: it is not copied.
    let mut body = Bytes::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLarge);
        }
        body = if body.is_empty() {
            chunk
        } else {
            let mut joined = BytesMut::from(body);
            joined.extend_from_slice(&chunk);
            joined.freeze()
        };
    }
    unpack(response.headers(), body, most)
}

/// The beginning of a body of which only a part may be there, unpacked as far as it goes, at most `most`
/// bytes; `None` if it is compressed in a way that is not known here.
#[must_use]
pub fn unpacked_beginning(headers: &HeaderMap, part: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut part = part.to_vec();
    for layer in layers(headers, &part).ok()? {
        // What is missing at its end makes an error at the end.
        (part, _) = layer.unpack(&part, most);
    }
    part.truncate(most);
    Some(part)
}

fn unpack(headers: &HeaderMap, mut body: Bytes, most: usize) -> Result<Bytes, BodyError> {
    for layer in layers(headers, &body)? {
        let (unpacked, is_whole) = layer.unpack(&body, most + 1);
        if unpacked.len() > most {
            return Err(BodyError::TooLarge);
        }
        if !is_whole {
            return Err(BodyError::Damaged);
        }
        body = unpacked.into();
    }
    Ok(body)
}

/// One way in which a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Gzip,
    /// With the two bytes of zlib before it, as it should be, or without, as some have it.
    Deflate,
}

impl Layer {
    /// The first `most` bytes of what is in `body`, and whether it could be read so far.
    fn unpack(self, body: &[u8], most: usize) -> (Vec<u8>, bool) {
        match self {
            // It says that it is compressed, and is not.
            Self::Gzip if !body.starts_with(GZIP) => (body.to_vec(), true),
            Self::Gzip => read(MultiGzDecoder::new(body), most),
            Self::Deflate => {
                let (unpacked, is_whole) = read(ZlibDecoder::new(body), most);
                if is_whole || !unpacked.is_empty() {
                    return (unpacked, is_whole);
                }
                let (unpacked, is_whole) = read(DeflateDecoder::new(body), most);
                match !is_whole && is_text(body) {
                    true => (body.to_vec(), true),
                    false => (unpacked, is_whole),
                }
            }
        }
    }
}

fn read(unpacking: impl Read, most: usize) -> (Vec<u8>, bool) {
    let mut unpacked = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let is_whole = unpacking.take(most).read_to_end(&mut unpacked).is_ok();
    (unpacked, is_whole)
}

/// What is to be undone, the outermost first.
fn layers(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Layer>, BodyError> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter();
    let names: Vec<String> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !matches!(name.as_str(), "" | "identity"))
        .collect();
    if names.is_empty() {
        // A proxy may have taken the header away and left the bytes.
        let is_gzip = body.starts_with(GZIP);
        return Ok(is_gzip.then_some(Layer::Gzip).into_iter().collect());
    }
    let mut layers = Vec::new();
    for name in names.iter().rev() {
        layers.push(match name.as_str() {
            "gzip" | "x-gzip" => Layer::Gzip,
            "deflate" => Layer::Deflate,
            // Whatever it says, it can be read.
            _ if names.len() == 1 && is_text(body) => return Ok(Vec::new()),
            _ => return Err(BodyError::Compressed(shown(name))),
        });
    }
    match layers.len() > MOST_LAYERS {
        true => Err(BodyError::Compressed(format!("{} times", layers.len()))),
        false => Ok(layers),
    }
}

/// A name from outside, cut to what can be one.
fn shown(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_graphic)
        .take(20)
        .collect()
}

/// Whether this looks like JSON, a page or words, as answers are when they are not compressed.
fn is_text(body: &[u8]) -> bool {
    let beginning = &body[..body.len().min(256)];
    !beginning
        .iter()
        .any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
        && std::str::from_utf8(beginning).map_or_else(|error| error.valid_up_to() > 0, |_| true)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use reqwest::header::HeaderValue;

    use super::*;

    const TEXT: &[u8] = br#"{"status":{"name":"Undelivered"}}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text).expect("memory");
        packed.finish().expect("memory")
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text).expect("memory");
        packed.finish().expect("memory")
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text).expect("memory");
        packed.finish().expect("memory")
    }

    fn headers(encoding: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !encoding.is_empty() {
            let encoding = HeaderValue::from_str(encoding).expect("a header");
            headers.insert(CONTENT_ENCODING, encoding);
        }
        headers
    }

    fn unpacked(encoding: &str, body: Vec<u8>, most: usize) -> Result<Bytes, BodyError> {
        unpack(&headers(encoding), body.into(), most)
    }

    #[test]
    fn whatever_is_said_of_a_body_it_is_read_where_it_can_be() {
        for (encoding, body) in [
            ("", TEXT.to_vec()),
            ("identity", TEXT.to_vec()),
            ("gzip", gzip(TEXT)),
            ("GZIP", gzip(TEXT)),
            ("x-gzip", gzip(TEXT)),
            ("identity, gzip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", deflate(TEXT)),
            ("deflate, gzip", gzip(&zlib(TEXT))),
            // Said, and not done.
            ("gzip", TEXT.to_vec()),
            ("deflate", TEXT.to_vec()),
            ("br", TEXT.to_vec()),
            ("utf-8", TEXT.to_vec()),
            // Done, and not said.
            ("", gzip(TEXT)),
        ] {
            let read = unpacked(encoding, body, 1000);
            assert_eq!(read.expect(encoding), TEXT, "{encoding}");
        }
        assert!(
            unpacked("gzip", Vec::new(), 10)
                .expect("nothing")
                .is_empty()
        );
    }

    #[test]
    fn what_cannot_be_unpacked_or_would_grow_without_bounds_is_told_as_such() {
        let said = |encoding: &str, body: Vec<u8>| {
            let read = unpacked(encoding, body, 1000);
            read.expect_err(encoding).to_string()
        };
        let brotli = said("br", vec![0x0b, 0x02, 0x80, 0x03, 0xff]);
        assert!(brotli.starts_with("it is compressed (br)"), "{brotli}");
        let cut = gzip(&TEXT.repeat(10));
        assert_eq!(
            said("gzip", cut[..cut.len() / 2].to_vec()),
            "it is compressed, and damaged"
        );
        let bomb = gzip(&vec![b' '; 10_000_000]);
        assert_eq!(said("gzip", bomb.clone()), "it is too large");
        assert_eq!(said("gzip, gzip", gzip(&bomb)), "it is too large");
        let many = said("gzip, gzip, gzip, gzip", gzip(TEXT));
        assert!(many.contains("4 times"), "{many}");
    }

    #[test]
    fn the_beginning_of_a_body_is_unpacked_as_far_as_it_is_there() {
        let packed = gzip(&TEXT.repeat(3));
        let part = &packed[..packed.len() - 9];
        let read = unpacked_beginning(&headers("gzip"), part, 20).expect("gzip is known");
        assert_eq!(read, &TEXT[..20]);
        let plain = unpacked_beginning(&headers(""), TEXT, 20).expect("it is plain");
        assert_eq!(plain, &TEXT[..20]);
        assert_eq!(unpacked_beginning(&headers("br"), &[0xff, 0], 20), None);
    }
}
