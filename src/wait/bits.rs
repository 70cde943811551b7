//! What can be waited for, and what a change has to do for those who wait: sets, a bit for each.

/// A set of what can be waited for; the bits are those of the header.
///
/// ```text
///   16        8        4        2          1
///   DRAINED | CLOSED | JOINED | WRITABLE | READABLE
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events(u32);

impl Events {
    pub const NONE: Self = Self(0);
    pub const READABLE: Self = Self(1);
    pub const WRITABLE: Self = Self(2);
    pub const JOINED: Self = Self(4);
    pub const CLOSED: Self = Self(8);
    pub const DRAINED: Self = Self(16);
    const ALL: u32 = 31;

    pub const fn bits(self) -> u32 {
        self.0
    }

    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits & !Self::ALL == 0).then_some(Self(bits))
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// What a thread that has changed the state must do for others; usually nothing.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Attention(u32);

impl Attention {
    pub const NONE: Self = Self(0);
    /// Somebody waits to read, to write, for anything else.
    pub const READERS: Self = Self(1);
    pub const WRITERS: Self = Self(2);
    pub const OTHERS: Self = Self(4);
    /// Items may be there for which no reader was woken, or one that could not see them yet: gets wake readers
    /// for the items that are left, until there are none.
    pub const CASCADE: Self = Self(8);
    /// Shut down: the get that takes the last item has to say so.
    pub const SHUT: Self = Self(16);
    /// Shut down and discarding: the end of a put that was under way discards its item.
    pub const DISCARD: Self = Self(32);
    /// Always, where the barrier between puts and waiters is not asymmetric: a put looks again after a
    /// fence. As one of these bits it costs nothing where there is none.
    pub const FENCED: Self = Self(64);
    /// Nobody's: a put or get by the short way says with it that its store wants to look round.
    pub const LOOK_ROUND: Self = Self(128);

    /// What the word says.
    #[inline]
    pub(super) const fn of(word: u32) -> Self {
        Self(word)
    }

    #[inline]
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub const fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    #[inline]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
