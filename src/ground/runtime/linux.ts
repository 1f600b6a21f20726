/**
 * Flags of open(2) that neither runtime names. They are the same on x86-64 and arm64, and with glibc
 * and musl.
 */
export const O_CLOEXEC = 0o2000000
export const O_PATH = 0o10000000
