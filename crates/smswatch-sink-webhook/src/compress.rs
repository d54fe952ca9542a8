//! Bodies in fewer bytes, for receivers that can take them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A smaller body fits into one packet as it is.
const SMALLEST: usize = 1024;

/// The body in gzip; `None` if it is too small to be worth it.
pub(crate) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < SMALLEST {
        return None;
    }
    let mut packed = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    // Memory takes whatever is written to it.
    packed.write_all(body).ok()?;
    packed.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_large_body_becomes_small_and_a_small_one_stays() {
        assert_eq!(gzip(&[b'x'; SMALLEST - 1]), None);
        let body = vec![b'x'; 100 * SMALLEST];
        let packed = gzip(&body).expect("it is large");
        assert!(packed.len() < body.len() / 10);
        let mut read = Vec::new();
        let mut unpacked = flate2::read::GzDecoder::new(&packed[..]);
        unpacked.read_to_end(&mut read).expect("gzip");
        assert_eq!(read, body);
    }
}
