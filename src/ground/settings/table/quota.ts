import { number, type SettingReader, text, word } from './kinds.ts'

/** onescand reads the client's value, but its own counts. */
const asked = { fromClient: 'asked' } as const

export const quota = {
  QUOTAD: text(undefined),
  QUOTANAME: word(['address', 'local'], asked),
  QUOTADELIMITER: text(undefined, asked),
  QUOTATIMEOUT: number(500, {
    min: 1,
    max: 60_000,
    unit: 'milliseconds',
    ...asked,
  }),
  QUOTARETRIES: number(2, { max: 10, ...asked }),
  QUOTASOFT: number(50, { max: 100, unit: 'percent', ...asked }),
  QUOTACACHE: number(20_000, {
    max: 10_000_000,
    unit: 'mailboxes',
    ...asked,
  }),
  QUOTARELAY: word(['pass', 'ask'], asked),
}

const service = { readers: ['onescan-quotad'] } as const

export const quotaService = {
  QUOTAMAILBOX: text('maildir:~/Maildir', service),
  QUOTAUSERS: text(undefined, {
    ...service,
    defaultInWords: '`ldap` if `QUOTALDAPURL` is set, else `passwd` if `QUOTAMAILBOX` needs homes',
  }),
  QUOTAMAP: text(undefined, service),
  QUOTADEFAULT: text(undefined, { ...service, defaultInWords: 'unlimited' }),
  QUOTACASE: word(['lower', 'keep'], service),
  QUOTAPATIENCE: number(400, {
    min: 1,
    max: 60_000,
    unit: 'milliseconds',
    ...service,
  }),
  QUOTAWALKTIME: number(60, {
    min: 1,
    max: 3600,
    unit: 'seconds',
    ...service,
  }),
  QUOTAREMEMBER: number(100_000, {
    min: 1,
    max: 10_000_000,
    ...service,
  }),
}

/**
 * All programs that ask a directory of users read these. A client of onescand sends none of them.
 */
const directory: { readonly readers: readonly SettingReader[]; readonly fromClient: undefined } = {
  readers: ['slot', 'onescand', 'onescan-quotad'],
  fromClient: undefined,
}

export const quotaDirectory = {
  QUOTALDAPURL: text(undefined, directory),
  QUOTALDAPBASE: text(undefined, { ...directory, defaultInWords: 'at the top' }),
  QUOTALDAPBIND: text(undefined, directory),
  QUOTALDAPPASSWORD: text(undefined, directory),
  QUOTALDAPCA: text(undefined, {
    ...directory,
    defaultInWords: 'those of the system',
  }),
  QUOTALDAPFILTER: text('(|(uid=%u)(mail=%u)(mailAlternateAddress=%u))', directory),
  QUOTALDAPHOME: text('mailMessageStore', directory),
  QUOTALDAPQUOTA: text('mailQuotaSize', directory),
  QUOTALDAPBACKEND: text('mailHost', directory),
  QUOTALDAPREMEMBER: number(60, {
    max: 86_400,
    unit: 'seconds',
    ...directory,
  }),
}
