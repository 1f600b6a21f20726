import { wrongValue } from '../../text/values.ts'
import { number, onescanAlone, parsed, size } from './kinds.ts'

const daemon = { ...onescanAlone, readers: ['onescand'] } as const

/** The limits above which the sweep removes messages. 0 means no limit. */
export const quarantineLimits = {
  QUARANTINEDAYS: number(30, { max: 36_500, unit: 'days', ...daemon }),
  QUARANTINESIZE: size('10G', daemon),
}

/** The page of the quarantine, to which digests link. */
export const quarantinePage = { QUARANTINEURL: parsed(undefined, readUrl, daemon) }

function readUrl(text: string): string {
  if (/^https?:\/\/[!-~]{1,500}$/.test(text) && URL.canParse(text)) return text
  throw wrongValue('QUARANTINEURL', text, 'the address of the page, such as https://mx.example.org/quarantine') // biome-ignore format: a line
}
