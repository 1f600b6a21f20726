import { number, onescanAlone, size } from './kinds.ts'

const daemon = { ...onescanAlone, readers: ['onescand'] } as const

/** The limits above which the sweep removes messages. 0 means no limit. */
export const quarantineLimits = {
  QUARANTINEDAYS: number(30, { max: 36_500, unit: 'days', ...daemon }),
  QUARANTINESIZE: size('10G', daemon),
}
