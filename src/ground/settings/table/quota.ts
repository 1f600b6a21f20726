import { number, type SettingReader, text, word } from './kinds.ts'

/** onescand reads the client's value, but its own counts. */
const asked = { fromClient: 'asked' } as const

export const quota = {
  QUOTAD: text(undefined, 'service that knows how full mailboxes are'),
  QUOTANAME: word(
    ['address', 'local'],
    'the names that it uses for mailboxes: `address`, `local`',
    asked,
  ),
  QUOTADELIMITER: text(
    undefined,
    "the character that begins an extension of a mailbox's name: `+`, `-`",
    asked,
  ),
  QUOTATIMEOUT: number(500, 'milliseconds for a question', {
    min: 1,
    max: 60_000,
    unit: 'milliseconds',
    ...asked,
  }),
  QUOTARETRIES: number(2, 'how often a question is sent again', { max: 10, ...asked }),
  QUOTASOFT: number(
    50,
    'an answer is cached for an hour if the mailbox is at most so many percent full',
    { max: 100, unit: 'percent', ...asked },
  ),
  QUOTACACHE: number(20_000, 'how many answers are cached', {
    max: 10_000_000,
    unit: 'mailboxes',
    ...asked,
  }),
  QUOTARELAY: word(['pass', 'ask'], 'recipients of relay clients: `pass`, or `ask`', asked),
}

const service = { readers: ['onescan-quotad'] } as const

export const quotaService = {
  QUOTAMAILBOX: text('maildir:~/Maildir', 'where mailboxes are, or who counts them', service),
  QUOTAUSERS: text(undefined, 'lists of users: `passwd`, `ldap`, a file', {
    ...service,
    defaultInWords: 'by `QUOTAMAILBOX`',
  }),
  QUOTAMAP: text(undefined, 'file of quotas, `user: quota` a line', service),
  QUOTADEFAULT: text(undefined, 'the quota of mailboxes that have none of their own', service),
  QUOTACASE: word(['lower', 'keep'], 'names of users: made `lower`, or as they are', service),
  QUOTAPATIENCE: number(400, 'milliseconds for which a question waits for others', {
    min: 1,
    max: 60_000,
    unit: 'milliseconds',
    ...service,
  }),
  QUOTAWALKTIME: number(60, 'seconds after which a count of a mailbox is given up', {
    min: 1,
    max: 3600,
    unit: 'seconds',
    ...service,
  }),
  QUOTAREMEMBER: number(100_000, 'mailboxes that are remembered', {
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
  QUOTALDAPURL: text(
    undefined,
    'a directory of users: `ldap://HOST`, `ldaps://`, `ldapi://`',
    directory,
  ),
  QUOTALDAPBASE: text(undefined, 'where in it users are', directory),
  QUOTALDAPBIND: text(undefined, 'who asks', directory),
  QUOTALDAPPASSWORD: text(undefined, 'file with his password', directory),
  QUOTALDAPCA: text(undefined, 'file with certificates', {
    ...directory,
    defaultInWords: "the system's",
  }),
  QUOTALDAPFILTER: text(
    '(|(uid=%u)(mail=%u)(mailAlternateAddress=%u))',
    'who is meant by a name',
    directory,
  ),
  QUOTALDAPHOME: text('mailMessageStore', 'attribute with the home', directory),
  QUOTALDAPQUOTA: text('mailQuotaSize', 'attribute with the quota', directory),
  QUOTALDAPBACKEND: text('mailHost', 'attribute with the host', directory),
  QUOTALDAPREMEMBER: number(60, 'seconds for which an entry is remembered', {
    max: 86_400,
    unit: 'seconds',
    ...directory,
  }),
}
