//! Reading a listpack from any bytes: `LpRef` walks, seeks, searches and validates. It never
//! changes anything and never panics, whatever the bytes are: a walk simply ends at the first entry
//! that is broken or reaches past the end.
//!
//! ```text
//! OFFSET  SIZE  FIELD
//! 0       4     total bytes, u32 LE
//! 4       2     number of entries, u16 LE; 65535 = unknown, walk to count
//! 6       n     entries
//! total-1 1     0xFF
//! ```
//! An entry is `encoding+value | backlen`; backlen is the size of `encoding+value` in groups of 7
//! bits, readable from its last byte backwards.
//!
//! | first byte | value |
//! |---|---|
//! | 0xxxxxxx | 0..127 |
//! | 10xxxxxx | string of 0..63 bytes |
//! | 110xxxxx | 13-bit signed integer, high bits first, 1 more byte |
//! | 1110xxxx | string of 0..4095 bytes, high bits first, 1 more length byte |
//! | F0 | string, u32 LE length |
//! | F1 F2 F3 F4 | signed integer of 2, 3, 4, 8 bytes LE |

/// Bytes before the first entry.
pub const HEADER: usize = 6;
/// The byte after the last entry.
pub const EOF: u8 = 0xFF;
/// The count that means "more than fits, walk to know".
pub const COUNT_UNKNOWN: u16 = u16::MAX;

/// Size of a whole entry by its first byte, for forms of which that is enough: no branch for a
/// processor to guess wrong. Their backlen is one byte. 0 for the others.
static SHORT_SIZES: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut first = 0;
    while first < 256 {
        sizes[first] = match first {
            0..=0x7F => 2,
            0x80..=0xBF => 2 + (first & 0x3F) as u8,
            0xC0..=0xDF => 3,
            0xF1..=0xF3 => 4 + (first - 0xF1) as u8,
            0xF4 => 10,
            _ => 0,
        };
        first += 1;
    }
    sizes
};

/// Offset of an entry from the start of the listpack; valid until the next change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(pub usize);

/// Bytes that are no listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// The value of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LpValue<'a> {
    /// Stored as an integer; its text is the canonical decimal form.
    Int(i64),
    /// Any other bytes.
    Str(&'a [u8]),
}

impl<'a> LpValue<'a> {
    /// The value as text, written into `buf` if it is an integer.
    pub fn as_bytes(&self, buf: &'a mut itoa::Buffer) -> &'a [u8] {
        match *self {
            LpValue::Int(int) => buf.format(int).as_bytes(),
            LpValue::Str(bytes) => bytes,
        }
    }

    /// The value's text in a new vector.
    pub fn to_vec(&self) -> Vec<u8> {
        self.as_bytes(&mut itoa::Buffer::new()).to_vec()
    }

    /// Bytes of the value's text.
    pub fn text_len(&self) -> usize {
        match *self {
            LpValue::Int(int) => itoa::Buffer::new().format(int).len(),
            LpValue::Str(bytes) => bytes.len(),
        }
    }

    /// Whether the value's text is `bytes`. Use a `Needle` to compare many values.
    pub fn eq_bytes(&self, bytes: &[u8]) -> bool {
        match *self {
            LpValue::Int(int) => parse_int(bytes) == Some(int),
            LpValue::Str(mine) => mine == bytes,
        }
    }
}

impl<'a> From<&'a [u8]> for LpValue<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        LpValue::Str(bytes)
    }
}

impl From<i64> for LpValue<'_> {
    fn from(int: i64) -> Self {
        LpValue::Int(int)
    }
}

/// A text to search for, with its integer form parsed once.
#[derive(Clone, Copy, Debug)]
pub struct Needle<'a> {
    bytes: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Parses the integer form once.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, int: parse_int(bytes) }
    }

    /// Whether the value's text is this text.
    #[inline]
    pub fn matches(&self, value: LpValue<'_>) -> bool {
        match value {
            LpValue::Int(int) => self.int == Some(int),
            LpValue::Str(bytes) => self.bytes == bytes,
        }
    }
}

/// The integer whose canonical text is `text`: at most 20 bytes, no `+`, no leading zero, no `-0`.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut magnitude = 0u64;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits stay below 10^19 < 2^64.
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Bytes of the backlen of an entry whose encoding and value take `len` bytes.
#[inline]
pub(super) const fn backlen_size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16383 => 2,
        16383..2097151 => 3,
        2097151..268435455 => 4,
        _ => 5,
    }
}

/// Reads the backlen that ends just before `pos`; `None` if it has more than 5 bytes.
fn read_backlen(bytes: &[u8], pos: usize) -> Option<usize> {
    let mut len = 0usize;
    for group in 0..5 {
        let byte = *bytes.get(pos.checked_sub(group + 1)?)?;
        len |= usize::from(byte & 127) << (7 * group);
        if byte & 128 == 0 {
            return Some(len);
        }
    }
    None
}

/// A listpack in somebody's bytes. Every method is safe on any bytes.
#[derive(Clone, Copy, Debug)]
pub struct LpRef<'a> {
    bytes: &'a [u8],
}

impl<'a> LpRef<'a> {
    /// Takes the bytes as they are.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Takes the bytes if the header tells their length and the last one is 0xFF; with `deep` also
    /// only if every entry, backlen and the count are right.
    pub fn validated(bytes: &'a [u8], deep: bool) -> Result<Self, Invalid> {
        let lp = Self { bytes };
        let head = bytes.first_chunk::<HEADER>().ok_or(Invalid)?;
        let total = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if total != bytes.len() || total <= HEADER || bytes.last() != Some(&EOF) {
            return Err(Invalid);
        }
        if deep { lp.validate_entries().map(|()| lp) } else { Ok(lp) }
    }

    fn validate_entries(&self) -> Result<(), Invalid> {
        let end = self.end();
        let (mut pos, mut count) = (HEADER, 0usize);
        while pos < end {
            let (_, size) = self.decode(pos).ok_or(Invalid)?;
            let backlen = read_backlen(self.bytes, pos + size).ok_or(Invalid)?;
            if backlen + backlen_size(backlen) != size {
                return Err(Invalid);
            }
            pos += size;
            count += 1;
        }
        match self.count_field() {
            COUNT_UNKNOWN => Ok(()),
            told if usize::from(told) == count => Ok(()),
            _ => Err(Invalid),
        }
    }

    /// The bytes this was made of.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Offset of the final 0xFF.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.bytes.len().saturating_sub(1)
    }

    pub(super) fn count_field(&self) -> u16 {
        match self.bytes.get(4..6) {
            Some(count) => u16::from_le_bytes([count[0], count[1]]),
            None => 0,
        }
    }

    /// Number of entries; walks if there are 65535 or more.
    pub fn len(&self) -> usize {
        match self.count_field() {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// Value and whole size (with backlen) of the entry at `pos`; `None` at the end or if broken.
    #[inline]
    pub(super) fn decode(&self, pos: usize) -> Option<(LpValue<'a>, usize)> {
        let entry = self.bytes.get(pos..self.end())?;
        if pos < HEADER {
            return None;
        }
        let first = *entry.first()?;
        let string = |head: usize, len: usize| {
            let end = head.checked_add(len)?;
            Some((LpValue::Str(entry.get(head..end)?), end))
        };
        let (value, size) = match first {
            0..=0x7F => (LpValue::Int(i64::from(first)), 1),
            0x80..=0xBF => string(1, usize::from(first & 0x3F))?,
            0xC0..=0xDF => {
                let raw = i64::from(first & 0x1F) << 8 | i64::from(*entry.get(1)?);
                (LpValue::Int(raw << 51 >> 51), 2)
            }
            0xE0..=0xEF => string(2, usize::from(first & 0x0F) << 8 | usize::from(*entry.get(1)?))?,
            0xF0 => {
                let len = entry.get(1..5)?;
                string(5, u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize)?
            }
            0xF1..=0xF4 => {
                let width = [2, 3, 4, 8][usize::from(first - 0xF1)];
                let mut raw = [0u8; 8];
                raw[8 - width..].copy_from_slice(entry.get(1..1 + width)?);
                (LpValue::Int(i64::from_le_bytes(raw) >> (64 - 8 * width)), 1 + width)
            }
            0xF5..=0xFF => return None,
        };
        let whole = size + backlen_size(size);
        (whole <= entry.len()).then_some((value, whole))
    }

    /// The value at `pos`; `None` if there is no entry.
    #[inline]
    pub fn get(&self, pos: Pos) -> Option<LpValue<'a>> {
        self.decode(pos.0).map(|(value, _)| value)
    }

    /// The first entry.
    pub fn first(&self) -> Option<Pos> {
        self.decode(HEADER).map(|_| Pos(HEADER))
    }

    /// The last entry.
    pub fn last(&self) -> Option<Pos> {
        self.prev(Pos(self.end()))
    }

    /// The entry after `pos`.
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        let (_, size) = self.decode(pos.0)?;
        self.decode(pos.0 + size).map(|_| Pos(pos.0 + size))
    }

    /// The entry before `pos`, which may be the end.
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.decode_before(pos.0).map(|(start, _)| start)
    }

    fn decode_before(&self, pos: usize) -> Option<(Pos, LpValue<'a>)> {
        if pos > self.end() {
            return None;
        }
        let len = read_backlen(self.bytes, pos)?;
        let start = pos.checked_sub(len + backlen_size(len))?;
        let (value, size) = self.decode(start)?;
        (start + size == pos).then_some((Pos(start), value))
    }

    /// The entry with this index; negative ones count from the end (-1 = last).
    pub fn seek(&self, index: i64) -> Option<Pos> {
        let mut index = index;
        let mut forward = index >= 0;
        let count = i64::from(self.count_field());
        if count != i64::from(COUNT_UNKNOWN) {
            if index < 0 {
                index += count;
            }
            if !(0..count).contains(&index) {
                return None;
            }
            forward = index <= count / 2;
            if !forward {
                index -= count;
            }
        }
        let steps = usize::try_from(index.unsigned_abs()).ok()?;
        let mut walk = self.iter();
        let pos = if forward {
            walk.skip_entries(steps)?;
            walk.pos()
        } else {
            walk.skip_entries_back(steps)?
        };
        self.decode(pos.0).map(|_| pos)
    }

    /// The `index`-th entry and its value.
    pub fn nth(&self, index: usize) -> Option<(Pos, LpValue<'a>)> {
        let pos = self.seek(i64::try_from(index).ok()?)?;
        Some((pos, self.get(pos)?))
    }

    /// The `index`-th pair of neighbours (field and value, member and score).
    pub fn nth_pair(&self, index: usize) -> Option<(LpValue<'a>, LpValue<'a>)> {
        let (pos, first) = self.nth(index.checked_mul(2)?)?;
        Some((first, self.get(self.next(pos)?)?))
    }

    /// All entries, from either end.
    pub fn iter(&self) -> Iter<'a> {
        Iter { lp: *self, front: HEADER, back: self.end() }
    }

    /// The entry at `pos` and all after it.
    pub fn iter_from(&self, pos: Pos) -> Iter<'a> {
        Iter { lp: *self, front: pos.0.max(HEADER), back: self.end() }
    }

    /// All entries up to and with the one at `pos`; walk it with `.rev()`.
    pub fn iter_to(&self, pos: Pos) -> Iter<'a> {
        let back = self.decode(pos.0).map_or(HEADER, |(_, size)| pos.0 + size);
        Iter { lp: *self, front: HEADER, back }
    }

    /// The first entry equal to `value`, from `from` on, looking at one entry and passing over the
    /// next `skip` ones.
    pub fn find(&self, from: Pos, value: &[u8], skip: usize) -> Option<Pos> {
        let needle = Needle::new(value);
        let mut pos = from.0;
        loop {
            let (found, size) = self.decode(pos)?;
            if needle.matches(found) {
                return Some(Pos(pos));
            }
            pos += size;
            for _ in 0..skip {
                pos += self.decode(pos)?.1;
            }
        }
    }

    /// Whether `add` more bytes leave the listpack below 1 GB, the limit of every caller.
    pub fn safe_to_add(&self, add: usize) -> bool {
        self.bytes.len().saturating_add(add) <= super::LISTPACK_MAX_SAFETY_SIZE
    }
}

/// Entries of a listpack with their positions; ends at the first broken entry.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    lp: LpRef<'a>,
    front: usize,
    back: usize,
}

/// Walking without looking at values: what passing over the entries of a stream costs.
impl Iter<'_> {
    /// Where the next entry stands, if there is one.
    pub fn pos(&self) -> Pos {
        Pos(self.front)
    }

    /// Passes over `count` entries; `None` if there are fewer.
    #[inline]
    pub fn skip_entries(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            let rest = self.lp.bytes.get(self.front..self.back)?;
            let size = match SHORT_SIZES[usize::from(*rest.first()?)] {
                0 => self.lp.decode(self.front)?.1,
                size => usize::from(size),
            };
            if size > rest.len() {
                return None;
            }
            self.front += size;
        }
        Some(())
    }

    /// The next entry, if it is stored as an integer.
    #[inline]
    pub fn next_int(&mut self) -> Option<i64> {
        match self.lp.bytes.get(self.front..self.back)? {
            [small @ 0..=0x7F, _, ..] => {
                self.front += 2;
                Some(i64::from(*small))
            }
            _ => match self.next()?.1 {
                LpValue::Int(int) => Some(int),
                LpValue::Str(_) => None,
            },
        }
    }

    /// Passes over `count` entries at the back; returns where the last one stands. `None` if there
    /// are fewer. The entries are taken to be as long as they say at their ends.
    #[inline]
    pub fn skip_entries_back(&mut self, count: usize) -> Option<Pos> {
        let mut start = None;
        for _ in 0..count {
            let len = match self.lp.bytes.get(self.back.checked_sub(1)?)? {
                short @ 1..=0x7F => usize::from(*short),
                _ => read_backlen(self.lp.bytes, self.back).filter(|len| *len > 0)?,
            };
            let at = self.back.checked_sub(len + backlen_size(len))?;
            if at < self.front {
                return None;
            }
            self.back = at;
            start = Some(Pos(at));
        }
        start
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Pos, LpValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let Some((value, size)) = self.lp.decode(self.front) else {
            self.front = self.back;
            return None;
        };
        let pos = Pos(self.front);
        self.front += size;
        Some((pos, value))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        match self.lp.decode_before(self.back) {
            Some((pos, value)) if pos.0 >= self.front => {
                self.back = pos.0;
                Some((pos, value))
            }
            _ => {
                self.back = self.front;
                None
            }
        }
    }
}
