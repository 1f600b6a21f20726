/** Nothing that describes descriptor 2 to a program: as cron or a shell starts it. */
const untold = { PROTO: undefined }

const server = { PROTO: 'TCP' }

/** What makes a pipe at descriptor 2 a log, for the rule in each of its languages (bin/is-log.cjs). */
export const isLogRows: readonly (readonly [
  settings: Readonly<Record<string, string | undefined>>,
  isLog: boolean,
])[] = [
  [server, true],
  [untold, false],
  [{ PROTO: '' }, false],
  [{ ...untold, TCPREMOTEIP: '192.0.2.1' }, true],
  [{ ...untold, TCPREMOTEIP: '' }, false],
  [{ ...untold, TCPLOCALIP: '192.0.2.1' }, true],
  [{ ...server, DTLINE: 'x' }, false],
  [{ ...server, RPLINE: '' }, false],
  [{ ...server, UFLINE: 'x' }, false],
  [{ ...server, ERROR_FD: '2' }, false],
  [{ ...server, ERROR_FD: '25' }, true],
  [{ ...server, JOURNAL_STREAM: '1:1' }, true],
  [{ ...untold, JOURNAL_STREAM: '1:1' }, false],
]
