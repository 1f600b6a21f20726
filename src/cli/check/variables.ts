import { nearest } from '../shared/nearest.ts'
import type { Host } from './host.ts'
import { type Finding, warning } from './shared/finding.ts'

/** Every variable that the slot reads; a test holds the list against the source. */
export const settings: readonly string[] = (
  'BADATTACHMENTS BADMIME BOUNCEUSER CLAMD CLAMDBDIR CLAMDCONF CLAMDMAXSIZE CLAMSCAN ' +
  'CLAMSCANPROGRAM CLUSTERKEYS CLUSTERMAXAGE CLUSTERPEER CLUSTERPEERS CONTROLDIR ERROR_EXIT ' +
  'ERROR_FD LOGFILE MAXNESTING OVERNESTING OVERSIZE PATH PLUGINDIR POISONTRIES QHPSI QHPSIMAXSIZE ' +
  'QHPSIMINSIZE QHPSIRC QHPSIRN QMAILHOME QUEUECHAIN QUEUE_PLUGIN QUEUE_PLUGIN_SYMB QUOTACACHE ' +
  'QUOTAD QUOTADELIMITER QUOTALDAPBACKEND QUOTALDAPBASE QUOTALDAPBIND QUOTALDAPCA ' +
  'QUOTALDAPFILTER QUOTALDAPHOME QUOTALDAPPASSWORD QUOTALDAPQUOTA QUOTALDAPREMEMBER ' +
  'QUOTALDAPURL QUOTANAME QUOTARELAY QUOTARETRIES QUOTASOFT QUOTATIMEOUT REJECTVIRUS ' +
  'RELAYCLIENT SCANFAIL SCANFAIL_RELAY SCANTIMEOUT SECONDLOOK SPOOLDIR STRICTMIME TCPREMOTEIP TMPDIR VERDICTCA ' +
  'VERDICTMAXAGE VERDICTPASSWORD VERDICTS VERDICTSENTINELPASSWORD VERDICTTIMEOUT VIRUSFORWARD VIRUSTAGONLY'
).split(' ')

/** What belongs to others on such hosts, however near its name is to one of ours. */
const others = new Set(
  (
    'BADMIMETYPE BADLOADERTYPE CLAMDSCAN DATABYTES DELAY DTLINE GREETDELAY HOME LOGNAME MAIL ' +
    'ONESCAN_SOCKET PROTO PWD QMAILQUEUE QUEUEDIR QUEUE_BASE QUOTA RBLSMTPD RPLINE SHELL SHLVL ' +
    'SMTPAUTH SMTPDELAY TCPLOCALHOST TCPLOCALIP TCPLOCALPORT TCPREMOTEHOST TCPREMOTEINFO ' +
    'TCPREMOTEPORT TEMPDIR TERM TMP UFLINE USER'
  ).split(' '),
)

/** Letters of a short name that may differ: two would make one word of any other. */
const SHORT = 6

/** Variables that nobody reads, and that are nearly the name of one that the slot does. */
export function checkVariables({ env }: Host): Finding[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || settings.includes(name) || others.has(name)) return []
    const meant = nearest(name, settings)
    if (meant === undefined || !isNear(name, meant)) return []
    const value = `${name} is not a setting: no program reads it`
    return [warning('settings', value, `did you mean ${meant}?`)]
  })
}

/** Nothing for PATHS or MAILD, which a third of a short word would be. */
function isNear(name: string, meant: string): boolean {
  if (name.toUpperCase() === meant) return true
  if (Math.abs(name.length - meant.length) > 2) return false
  return name.length >= SHORT || name[0]?.toUpperCase() === meant[0]
}
