const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/**
 * Reads a time as a person writes it: `today`, `yesterday`, `2026-11-19`, `2026-11-19 14:30`,
 * `14:30`, or how long ago it was: `90m`, `36h`, `7d`. Takes it as local time of this host, and
 * returns milliseconds since 1970. Throws for anything else; `option` is named in the error.
 */
export function parseTime(option: string, words: string, now: number): number {
  const text = words.trim().toLowerCase()
  const ago = /^(\d{1,6}) ?([smhdw])(?:[a-z]*)(?: ago)?$/.exec(text)
  if (ago) return now - Number(ago[1]) * UNITS[ago[2]!]!
  const day = new Date(now)
  day.setHours(0, 0, 0, 0)
  if (text === 'now') return now
  if (text === 'today') return day.getTime()
  if (text === 'yesterday') return day.setDate(day.getDate() - 1)
  const date = /^(?:(\d{4})-(\d\d)-(\d\d))?(?:(?:^|[t ])(\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(text)
  if (text !== '' && date) {
    const [, year, month, dayOfMonth, hours = 0, minutes = 0, seconds = 0] = date
    if (year !== undefined) day.setFullYear(Number(year), Number(month) - 1, Number(dayOfMonth))
    const isDate = year === undefined || day.getDate() === Number(dayOfMonth)
    if (isDate && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60) {
      return day.setHours(Number(hours), Number(minutes), Number(seconds))
    }
  }
  throw new Error(
    `${option} ${words}: is not a time; say yesterday, today, 2026-11-19, 2026-11-19 14:30 or 36h`,
  )
}
