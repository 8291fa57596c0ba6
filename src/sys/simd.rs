//! Code for the widest vectors that this machine has, chosen at run time.
//!
//! JUSTIFICATION: calling code that was compiled for a processor's extension is unsafe, as the
//! processor may lack it. BITCOUNT of 1 MB took 44 us with the vectors that every x86-64 has.

/// A loop over many bytes. `run` must be `inline(always)`, and so must what it calls: only then
/// does the compiler see it together with the extension.
pub trait Kernel {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs the kernel, compiled for a processor that counts the ones of eight words at once; `None` if
/// this one does not.
#[inline]
pub fn with_vector_popcount<K: Kernel>(kernel: K) -> Option<K::Output> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vpopcntdq")
        && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the processor has been asked.
        return Some(unsafe { with_avx512(kernel) });
    }
    let _ = kernel;
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Runs the kernel, compiled for AVX2 if the processor has it.
#[inline]
pub fn widest<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("popcnt")
        && std::arch::is_x86_feature_detected!("bmi1")
    {
        // SAFETY: the processor has been asked.
        return unsafe { with_avx2(kernel) };
    }
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt,bmi1")]
fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
