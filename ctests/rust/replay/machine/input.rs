//! Bytes as a source of choices. When they run out every choice is the first one.

pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// As `below`, but the first ones more often: what happens to the same object is what matters.
    pub fn mostly_first(&mut self, end: usize) -> usize {
        let byte = usize::from(self.byte());
        if byte < 128 { 0 } else { byte % end }
    }

    /// Once in a while.
    pub fn rarely(&mut self) -> bool {
        self.byte() >= 0xf0
    }
}
