//! One framed string appended to a buffer in one go: head, body, CRLF, with one check of the
//! capacity.
//!
//! JUSTIFICATION: every element of every reply goes this way. Three `extend_from_slice` check and
//! call `memcpy` three times: half of the instructions of LRANGE and SMEMBERS. Most elements are so
//! short that even one call of `memcpy` costs more than what it copies.

/// Appends the first `head_len` bytes of `head`, then `body`, then CRLF.
#[inline]
pub fn append_framed(buf: &mut Vec<u8>, head: [u8; 8], head_len: usize, body: &[u8]) {
    assert!(head_len <= head.len());
    buf.reserve(head.len() + body.len() + 2);
    let new_len = buf.len() + head_len + body.len() + 2;
    // SAFETY: eight bytes of head, the body and two bytes were reserved above; the head is written
    // whole and overwritten from `head_len` on, so all bytes up to `new_len` are initialised.
    // `body` is borrowed, so it is no part of the buffer, which is borrowed mutably.
    unsafe {
        let mut at = buf.as_mut_ptr().add(buf.len());
        at.cast::<[u8; 8]>().write_unaligned(head);
        at = at.add(head_len);
        copy(body, at);
        at.add(body.len()).cast::<[u8; 2]>().write_unaligned(*b"\r\n");
        buf.set_len(new_len);
    }
}

/// Copies `from`, without a call if it is short: two words that may overlap.
///
/// # Safety
/// `to` must be valid for writes of `from.len()` bytes, which are no part of `from`.
#[inline(always)]
unsafe fn copy(from: &[u8], to: *mut u8) {
    let (start, len) = (from.as_ptr(), from.len());
    // SAFETY: every access is to one of the `len` bytes from `start` or `to`: words of eight, four
    // and one bytes are only used where `len` has as many, at its start and its end.
    unsafe {
        match len {
            8..=16 => {
                let (head, tail) = (start.cast::<u64>(), start.add(len - 8).cast::<u64>());
                let (head, tail) = (head.read_unaligned(), tail.read_unaligned());
                to.cast::<u64>().write_unaligned(head);
                to.add(len - 8).cast::<u64>().write_unaligned(tail);
            }
            4..8 => {
                let (head, tail) = (start.cast::<u32>(), start.add(len - 4).cast::<u32>());
                let (head, tail) = (head.read_unaligned(), tail.read_unaligned());
                to.cast::<u32>().write_unaligned(head);
                to.add(len - 4).cast::<u32>().write_unaligned(tail);
            }
            1..4 => {
                *to = *start;
                *to.add(len / 2) = *start.add(len / 2);
                *to.add(len - 1) = *start.add(len - 1);
            }
            _ => to.copy_from_nonoverlapping(start, len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_three_appends() {
        let mut fast = Vec::new();
        let mut plain = Vec::new();
        for len in 0..300 {
            let body: Vec<u8> = (0..len).map(|i| i as u8).collect();
            for head_len in 0..=8 {
                append_framed(&mut fast, *b"$12345\r\n", head_len, &body);
                plain.extend_from_slice(&b"$12345\r\n"[..head_len]);
                plain.extend_from_slice(&body);
                plain.extend_from_slice(b"\r\n");
            }
            assert_eq!(fast, plain);
            fast.shrink_to_fit();
        }
    }
}
