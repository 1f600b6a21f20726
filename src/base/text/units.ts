/** Returns the day in UTC, such as `2026-11-26`, of a time in milliseconds since 1970. */
export const formatDay = (time: number): string => new Date(time).toISOString().slice(0, 10)

const PART = /([0-9]{1,8}) ?((?:second|sec|minute|min|hour|day|week)s?|[smhdw]) ?/gy
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const
/** The milliseconds of a day. */
export const DAY: number = SECONDS.d * 1000

/** Reads a duration in seconds: `90`, `45m`, `1h30m`, `5min` or `2 days`. Returns undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (/^[0-9]{1,8}$/.test(text)) return Number(text)
  const parts = [...text.toLowerCase().matchAll(PART)]
  const isWhole = parts.reduce((sum, [part]) => sum + part.length, 0) === text.length
  if (text === '' || !isWhole) return undefined
  const seconds = (count: string, unit: string) => Number(count) * SECONDS[unit[0] as 's']
  return parts.reduce((sum, [, count = '', unit = '']) => sum + seconds(count, unit), 0)
}

/** Writes a duration for people: "3 d 4 h", "2 h 5 min", "12 min", "5 min 1 s", "4.2 s" or "0.4 ms". */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  const minutes = Math.round(seconds / 60)
  if (minutes >= 2 * 24 * 60) return inTwoUnits(Math.round(minutes / 60), 24, 'd', 'h')
  if (minutes >= 2 * 60) return inTwoUnits(minutes, 60, 'h', 'min')
  if (seconds >= 2 * 60) return inTwoUnits(seconds, 60, 'min', 's')
  if (milliseconds >= 1000) return `${rounded(milliseconds / 1000, 1)} s`
  return `${rounded(milliseconds, milliseconds < 100 ? 1 : 0)} ms`
}

function inTwoUnits(count: number, parts: number, unit: string, part: string): string {
  const rest = count % parts
  const whole = `${Math.floor(count / parts)} ${unit}`
  return rest === 0 ? whole : `${whole} ${rest} ${part}`
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits))

/** Writes a number of things: `1 key`, `2 keys`. */
export const formatCount = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`

/** Writes the mode of a file: `0640`, `01777`. */
export const formatMode = (mode: number): string =>
  `0${(mode & 0o7777).toString(8).padStart(3, '0')}`

/** Writes a size as "512 B", "4.1 KB" or "3.4 MB". */
export function formatSize(bytes: number): string {
  if (!(bytes >= 1000)) return `${bytes} B`
  const unit = bytes < 1e6 ? 'KB' : bytes < 1e9 ? 'MB' : 'GB'
  const scale = { KB: 1e3, MB: 1e6, GB: 1e9 }[unit]
  return `${(bytes / scale).toFixed(bytes / scale < 10 ? 1 : 0)} ${unit}`
}
