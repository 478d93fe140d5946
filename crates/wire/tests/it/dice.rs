//! Damage to good messages: small, fast, the same in every run.

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `below`, which is not zero.
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    /// A good message with bytes changed, cut or added. `good` is not empty.
    pub(crate) fn damage(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            bytes[at] = self.roll(256) as u8;
        }
        match self.roll(4) {
            0 => bytes.truncate(self.roll(bytes.len()) + 1),
            1 => bytes.extend_from_within(..),
            _ => {}
        }
        bytes
    }
}
