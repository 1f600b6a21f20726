import type { MemoryLimits } from '../shared/run-script.ts'

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
