import { number, size } from './kinds.ts'

/** The limits above which the sweep removes messages. 0 means no limit. */
export const quarantineLimits = {
  QUARANTINEDAYS: number(30, { max: 36_500, unit: 'days', readers: ['onescand'] }),
  QUARANTINESIZE: size('10G', { readers: ['onescand'] }),
}
