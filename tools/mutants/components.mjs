// Components of src/ whose tests a mutation tester asks, and where those tests are: the ones that run the
// source itself, and need no server of another program, since each is run hundreds of times. Readiness
// alone asks a clamd, which is what it is about, and valkey the store.
// Tests that start what was built notice no change of the source, but with --built, which asks `builtTests`,
// too: without it, what only a process of its own runs is told as noticed by nobody.

/**
 * @typedef {{ files: readonly string[], tests: readonly string[], builtTests?: readonly string[] }} Component
 * @type {Readonly<Record<string, Component>>}
 */
export const COMPONENTS = {
  lib: {
    files: ['src/lib/**/*.ts'],
    tests: [
      'test/lib/{bytes,errors,flow,log,path,text}/*.test.ts',
      'test/lib/net/{endpoint,ip-address}.test.ts',
      'test/lib/process/{descriptor-of,passwd}.test.ts',
      'test/lib/runtime/{crypto,system}.test.ts',
      'test/cli/check/slot/check-next-program.test.ts',
      'test/delay/gate/{find-tcp-rule,connection-preparer}.test.ts',
      'test/daemon/http/access-by.test.ts',
      'test/mail/message/intake.test.ts',
      'test/scan/stamps/keyring.test.ts',
    ],
    builtTests: ['test/lib/**/*.test.ts', 'test/doors/slot/{contract,faults}.test.ts'],
  },
  settings: {
    files: ['src/settings/**/*.ts'],
    tests: ['test/settings/*.test.ts', 'test/documents/settings.test.ts'],
    builtTests: ['test/doors/slot/{contract,faults}.test.ts'],
  },
  judge: {
    files: ['src/scan/judge/**/*.ts'],
    tests: ['test/scan/judge/*.test.ts', 'test/doors/slot/socket/cases.test.ts'],
  },
  rules: { files: ['src/scan/rules/**/*.ts'], tests: ['test/scan/rules/*.test.ts'] },
  stamps: { files: ['src/scan/stamps/**/*.ts'], tests: ['test/scan/stamps/*.test.ts'] },
  verdicts: {
    files: ['src/scan/{host-memory,verdicts}/*.ts', 'src/scan/verdicts/{copies,store}/*.ts'],
    tests: [
      'test/scan/{host-memory,verdicts}/*.test.ts',
      'test/scan/verdicts/{copies,store}/*.test.ts',
    ],
  },
  valkey: {
    files: ['src/protocol/valkey/*.ts'],
    tests: ['test/protocol/valkey/*.test.ts', 'test/scan/verdicts/store/shared-store.test.ts'],
  },
  message: {
    files: ['src/mail/message/*.ts'],
    tests: ['test/mail/message/*.test.ts', 'test/mail/mime/headers/*.test.ts'],
  },
  envelope: {
    files: ['src/mail/message/envelope/**/*.ts'],
    tests: ['test/mail/message/envelope/*.test.ts'],
  },
  quarantine: {
    files: ['src/scan/quarantine/*.ts'],
    tests: ['test/scan/quarantine/{quarantine-message,release,sweep}.test.ts'],
  },
  readiness: {
    files: ['src/readiness/**/*.ts'],
    tests: [
      'test/readiness/{contradictions,stage/account}.test.ts',
      'test/readiness/clamd/{check-clamd,clamd-signatures,clamd-watch}.test.ts',
      'test/readiness/check-{directories,keyring,scanners,servers,settings}.test.ts',
    ],
  },
  observe: {
    files: ['src/observe/**/*.ts'],
    tests: [
      'test/observe/live/*.test.ts',
      'test/observe/report/tally.test.ts',
      'test/daemon/http/events.test.ts',
    ],
  },
  log: { files: ['src/log/*.ts'], tests: ['test/log/*.test.ts'] },
  quota: {
    files: ['src/scan/quota/**/*.ts'],
    tests: [
      'test/scan/quota/{ask-by-http,ask-by-udp,client,ldap,mailbox,quota-cache,reading,udp-client}.test.ts',
    ],
  },
  quotad: {
    files: ['src/quotad/**/*.ts', 'src/protocol/quota/*.ts'],
    tests: [
      'test/protocol/quota/*.test.ts',
      'test/quotad/{allow-networks,log,lookup-timeout,settings}.test.ts',
      'test/quotad/sources/{links,mailbox-*,maildir*,quota-status,tables}.test.ts',
    ],
  },
  ldap: {
    files: ['src/protocol/ldap/**/*.ts'],
    tests: ['test/protocol/ldap/*.test.ts', 'test/scan/quota/ldap.test.ts'],
  },
  delay: {
    files: ['src/delay/**/*.ts'],
    tests: [
      'test/delay/options.test.ts',
      'test/delay/{plan,outcome}/*.test.ts',
      'test/delay/gate/{find-tcp-rule,remembered-clients,connection-preparer,waiting-connections}.test.ts',
    ],
  },
  scan: {
    files: [
      'src/plugin.ts',
      'src/scan/scanners/*.ts',
      'src/scan/scanners/{attachments,contract,eicar,findings,permits,programs,run,signatures}/*.ts',
    ],
    tests: [
      'test/scan/scanners/run/run-scanners.test.ts',
      'test/scan/scanners/programs/clamscan.test.ts',
      'test/scan/scanners/eicar/eicar.test.ts',
      'test/scan/scanners/programs/scanner-program.test.ts',
      'test/scan/scanners/signatures/signature-files.test.ts',
      'test/readiness/check-scanners.test.ts',
      'test/scan/scanners/run/*.test.ts',
      'test/scan/scanners/attachments/{attachments,file-names,inspection}.test.ts',
    ],
    builtTests: [
      'test/scan/scanners/attachments/*.test.ts',
      'test/doors/slot/{cases,faults,plugins}.test.ts',
    ],
  },
  clamd: {
    files: ['src/scan/scanners/clamd/*.ts'],
    tests: [
      'test/scan/scanners/clamd/{clamd-address,fail-over,read-reply,crowds,database,descriptors}.test.ts',
      'test/scan/scanners/clamd/{scan-commands,clamd-scanner,clamd-server,session*,versions}.test.ts',
    ],
  },
  'file-plugin': {
    files: ['src/scan/scanners/file-plugin/**/*.ts'],
    tests: ['test/scan/scanners/file-plugin/{bundle,protocol}.test.ts'],
    builtTests: [
      'test/scan/scanners/file-plugin/{file-plugin,pool,pool-faults,pool-process}.test.ts',
      'test/scan/scanners/file-plugin/{shared-object,man-page}.test.ts',
      'test/doors/slot/plugins.test.ts',
    ],
  },
  mime: {
    files: ['src/mail/mime/**/*.ts'],
    tests: [
      'test/mail/mime/leaves/{decoded-parts,reported-parts,texts-in-character-sets,text-properties}.test.ts',
      'test/mail/mime/*.test.ts',
      'test/mail/mime/{carver,containers,decoders,headers,ordinary,storage}/*.test.ts',
      'test/mail/mime/leaves/{embedded-data,embedded-formats,file-variant,mail-starts,saved-variants}.test.ts',
    ],
  },
  'slot-socket': {
    files: ['src/doors/slot/socket/**/*.ts', 'src/protocol/slot/*.ts'],
    tests: [
      'test/doors/slot/socket/{cases,conversation,request,trust}.test.ts',
      'test/protocol/slot/*.test.ts',
    ],
  },
  milter: {
    files: ['src/doors/milter/**/*.ts', 'src/protocol/milter/*.ts'],
    tests: [
      'test/doors/milter/{asking,bad-input,by-rule,crowds,encode-decision,quota,session,time}.test.ts',
      'test/protocol/milter/*.test.ts',
    ],
  },
  'clamd-door': {
    files: ['src/doors/clamd/*.ts', 'src/protocol/clamd/*.ts'],
    tests: ['test/doors/clamd/*.test.ts', 'test/protocol/clamd/*.test.ts'],
  },
  smtp: {
    files: ['src/doors/smtp/**/*.ts', 'src/protocol/smtp/*.ts'],
    tests: [
      'test/doors/smtp/{bad-input,bad-next-server,by-rule,crowds,leaving,loops,session,size}.test.ts',
      'test/protocol/smtp/*.test.ts',
    ],
  },
  policy: {
    files: ['src/doors/policy/policy-service.ts', 'src/protocol/policy-attributes.ts'],
    tests: [
      'test/doors/policy/door.test.ts',
      'test/protocol/{ask-policy,policy-attributes}.test.ts',
    ],
  },
  daemon: {
    files: ['src/daemon/**/*.ts'],
    tests: ['test/daemon/describe-door.test.ts', 'test/daemon/{options,self-test}/*.test.ts'],
    builtTests: ['test/daemon/**/*.test.ts'],
  },
  http: {
    files: ['src/daemon/http/**/*.ts'],
    tests: ['test/daemon/http/{access-by,events,snapshot}.test.ts'],
  },
  handling: {
    files: [
      'src/configuration/*.ts',
      'src/handling/**/*.ts',
      'src/serving/*.ts',
      'src/protocol/{frames,connection/*}.ts',
    ],
    tests: [
      'test/handling/*.test.ts',
      'test/serving/*.test.ts',
      'test/doors/milter/{by-rule,quota,session}.test.ts',
      'test/doors/slot/socket/{cases,request,trust}.test.ts',
      'test/doors/smtp/{by-rule,session}.test.ts',
      'test/protocol/milter/{packets,replies}.test.ts',
      'test/protocol/{frames,connection/*}.test.ts',
    ],
  },
  cli: {
    files: ['src/cli/**/*.ts'],
    tests: [
      'test/cli/check/mail-server-config/mail-servers.test.ts',
      'test/cli/check/mail-server-config/onescand-endpoints.test.ts',
      'test/cli/check/slot/check-next-program.test.ts',
      'test/cli/check/slot/check-slot.test.ts',
      'test/cli/check/mail-server-config/reach.test.ts',
      'test/cli/check/test-mail/followed-log.test.ts',
      'test/cli/host/{running-services,slot-environment,systemd-unit}.test.ts',
    ],
    builtTests: [
      'test/cli/*.test.ts',
      'test/cli/{check,command,host,mail,quarantine,root}/**/*.test.ts',
    ],
  },
}

/**
 * What no component asks: the slot and the file of each program are tested as programs that were built. Nor is src/c, since
 * StrykerJS knows no C (Mull does), nor the script of the status page, which a browser runs.
 */
export const BUILT_ONLY = [
  'src/doors/slot/*.ts',
  'src/doors/slot/standalone/*.ts',
  'src/cli/onescan.ts',
  'src/daemon/onescand.ts',
  'src/quotad/onescan-quotad.ts',
  'src/delay/smtp-delay.ts',
  'src/scan/scanners/file-plugin/plugin-host.ts',
  'src/scan/scanners/programs/clamscan-host.ts',
]

const STRETCH = 15

/**
 * One stretch of 15 lines in `oneIn` of files with this many lines each, as if they stood one behind the
 * other; lines begin with 1. Each file's index is that in the list.
 *
 * @param {readonly number[]} lengths
 * @param {number} oneIn
 */
export function stretches(lengths, oneIn) {
  let before = 0
  return lengths.flatMap((length, file) => {
    const from = before
    before += length
    const found = []
    const cycle = STRETCH * oneIn
    for (let start = from - (from % cycle); start < before; start += cycle) {
      const first = Math.max(start, from) - from + 1
      const last = Math.min(start + STRETCH, before) - from
      if (first <= last) found.push({ file, first, last })
    }
    return found
  })
}
