import { readFileSync } from 'node:fs'

/** The limits in bytes at which a runtime can fail, by setrlimit(2). Undefined is no limit. */
export interface MemoryLimits {
  readonly addressSpace: number | undefined
  readonly data: number | undefined
  readonly stack: number | undefined
}

export const noLimits: MemoryLimits = {
  addressSpace: undefined,
  data: undefined,
  stack: undefined,
}

/** Limits of the same number of bytes each. */
export function equalLimits(bytes: number | undefined): MemoryLimits {
  return { addressSpace: bytes, data: bytes, stack: bytes }
}

/** The smaller one of each limit. */
export function smallestLimits(some: MemoryLimits, other: MemoryLimits): MemoryLimits {
  return {
    addressSpace: smaller(some.addressSpace, other.addressSpace),
    data: smaller(some.data, other.data),
    stack: smaller(some.stack, other.stack),
  }
}

function smaller(bytes: number | undefined, other: number | undefined): number | undefined {
  if (bytes === undefined || other === undefined) return bytes ?? other
  return Math.min(bytes, other)
}

/**
 * The limits that a service started from this process would inherit, from /proc/self/limits
 * (proc(5)). The stack is left out, since a login sets another one than a service has.
 */
export function inheritedLimits(): MemoryLimits {
  const text = readFileSync('/proc/self/limits', 'latin1')
  const softLimit = (name: string) => {
    const value = new RegExp(`^Max ${name} +(\\d+)`, 'm').exec(text)?.[1]
    return value === undefined ? undefined : Number(value)
  }
  return {
    addressSpace: softLimit('address space'),
    data: softLimit('data size'),
    stack: undefined,
  }
}

/** The command under soft limits, as softlimit(8) sets them. */
export function underLimits(limits: MemoryLimits, command: readonly string[]): string[] {
  const settings = [
    ['v', limits.addressSpace],
    ['d', limits.data],
    ['s', limits.stack],
  ] as const
  const lines = settings.flatMap(([letter, bytes]) =>
    bytes === undefined ? [] : [`ulimit -S -${letter} ${Math.ceil(bytes / 1024)} 2>/dev/null || :`],
  )
  return ['/bin/sh', '-c', [...lines, 'exec "$@"'].join('\n'), 'sh', ...command]
}
