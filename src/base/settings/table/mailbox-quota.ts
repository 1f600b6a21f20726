import { absolutePath } from '../../text/values.ts'
import { number, parsed, text, word } from './kinds.ts'

const checkedOnly = { fromClient: 'checked only' } as const

export const quota = {
  QUOTAD: text(undefined),
  QUOTANAME: word(['address', 'local'], checkedOnly),
  QUOTADELIMITER: text(undefined, checkedOnly),
  QUOTATIMEOUT: number(500, {
    min: 1,
    max: 60_000,
    unit: 'milliseconds',
    readers: ['slot', 'onescand', 'onescan-quotad'],
    ...checkedOnly,
  }),
  QUOTASOFT: number(50, { max: 100, unit: 'percent', ...checkedOnly }),
  QUOTARELAY: word(['pass', 'ask'], checkedOnly),
}

/** Settings that only onescan-rcptquota(8) reads, in addition to those that it has in common with onescand. */
export const quotaPlugin = {
  QUOTASOCKET: parsed(undefined, absolutePath, {
    readers: ['onescan-rcptquota'],
    path: 'connects to',
  }),
}

const service = { readers: ['onescan-quotad'] } as const

export const quotaService = {
  QUOTAMAILBOX: text('maildir:~/Maildir', service),
  QUOTAUSERS: text(undefined, {
    ...service,
    defaultInWords: '`ldap` if `QUOTALDAPURL` is set, else `passwd` if `QUOTAMAILBOX` needs homes',
  }),
  QUOTADOMAINS: text(undefined, {
    ...service,
    defaultInWords: "qmail's `control/locals` or `control/me`, else the host name",
  }),
  QUOTAALIASES: text(undefined, { ...service, defaultInWords: 'none' }),
  QUOTAMAP: parsed(undefined, absolutePath, service),
  QUOTADEFAULT: text(undefined, { ...service, defaultInWords: 'unlimited' }),
}

/** Settings of all programs that use a directory of users. A client of onescand sends none of them. */
const directory = {
  readers: ['slot', 'onescand', 'onescan-quotad'],
  fromClient: undefined,
} as const

export const quotaDirectory = {
  QUOTALDAPURL: text(undefined, directory),
  QUOTALDAPBIND: text(undefined, directory),
  QUOTALDAPPASSWORD: parsed(undefined, absolutePath, directory),
  QUOTALDAPCA: parsed(undefined, absolutePath, {
    ...directory,
    defaultInWords: "the system's CAs",
  }),
  QUOTALDAPFILTER: text('(|(uid=%u)(mail=%u)(mailAlternateAddress=%u))', directory),
  QUOTALDAPHOME: text('mailMessageStore', directory),
  QUOTALDAPQUOTA: text('mailQuotaSize', directory),
  QUOTALDAPBACKEND: text('mailHost', directory),
  QUOTALDAPALIAS: text('mailForwardingAddress', directory),
}
