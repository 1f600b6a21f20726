// Components of src/ whose tests a mutation tester asks, and where those tests are: the ones that run the
// source itself, and need no server of another program, since each is run hundreds of times. Readiness
// alone asks a clamd, which is what it is about, and valkey the store.
// Tests that start what was built notice no change of the source, but with --built, which asks `builtTests`,
// too: without it, what only a process of its own runs is reported as unnoticed.

/**
 * @typedef {{ files: readonly string[], tests: readonly string[], builtTests?: readonly string[] }} Component
 * @type {Readonly<Record<string, Component>>}
 */
export const COMPONENTS = {
  base: {
    files: ['src/base/{bytes,check,errors,flow,log,net,path,process,runtime,systemd,text}/*.ts'],
    tests: [
      'test/base/{bytes,errors,flow,log,path,text}/*.test.ts',
      'test/base/net/{endpoint,ip-address}.test.ts',
      'test/base/process/{descriptor-of,passwd}.test.ts',
      'test/base/runtime/system.test.ts',
      'test/scanner/cli/check/slot/check-next-program.test.ts',
      'test/delay/gate/{find-tcp-rule,connection-preparer}.test.ts',
      'test/scanner/daemon/http/access-by.test.ts',
      'test/mail/message/intake.test.ts',
      'test/scanner/scan/stamps/keyring.test.ts',
    ],
    builtTests: ['test/base/**/*.test.ts', 'test/scanner/doors/slot/{contract,faults}.test.ts'],
  },
  settings: {
    files: ['src/base/settings/**/*.ts'],
    tests: ['test/base/settings/*.test.ts', 'test/documents/settings.test.ts'],
    builtTests: ['test/scanner/doors/slot/{contract,faults}.test.ts'],
  },
  judge: {
    files: ['src/scanner/scan/judge/**/*.ts'],
    tests: ['test/scanner/scan/judge/*.test.ts', 'test/scanner/doors/slot/socket/cases.test.ts'],
  },
  rules: {
    files: ['src/scanner/scan/rules/**/*.ts'],
    tests: ['test/scanner/scan/rules/*.test.ts'],
  },
  stamps: {
    files: ['src/scanner/scan/stamps/**/*.ts'],
    tests: ['test/scanner/scan/stamps/*.test.ts'],
  },
  verdicts: {
    files: [
      'src/scanner/scan/{crash-guard,verdicts}/*.ts',
      'src/scanner/scan/verdicts/{copies,store}/*.ts',
    ],
    tests: [
      'test/scanner/scan/{crash-guard,verdicts}/*.test.ts',
      'test/scanner/scan/verdicts/{copies,store}/*.test.ts',
    ],
  },
  valkey: {
    files: ['src/scanner/protocol/valkey/*.ts'],
    tests: [
      'test/scanner/protocol/valkey/*.test.ts',
      'test/scanner/scan/verdicts/store/shared-store.test.ts',
    ],
  },
  message: {
    files: ['src/mail/message/*.ts'],
    tests: ['test/mail/message/*.test.ts', 'test/mail/mime/headers/*.test.ts'],
  },
  envelope: {
    files: ['src/base/text/address.ts', 'src/mail/message/envelope.ts'],
    tests: ['test/base/text/address.test.ts', 'test/mail/message/envelope.test.ts'],
  },
  quarantine: {
    files: ['src/scanner/scan/quarantine/*.ts'],
    tests: ['test/scanner/scan/quarantine/{alike,quarantine-message,release,sweep}.test.ts'],
  },
  readiness: {
    files: ['src/scanner/readiness/**/*.ts'],
    tests: [
      'test/scanner/readiness/{contradictions,host/account}.test.ts',
      'test/scanner/readiness/clamd/{agreeing-limits,check-clamd,clamd-signatures,clamd-watch}.test.ts',
      'test/scanner/readiness/check-{directories,keyring,scanners,servers,settings}.test.ts',
    ],
  },
  observe: {
    files: ['src/scanner/observe/**/*.ts'],
    tests: [
      'test/scanner/observe/live/*.test.ts',
      'test/scanner/observe/report/tally.test.ts',
      'test/scanner/daemon/http/events.test.ts',
    ],
  },
  log: { files: ['src/scanner/log/*.ts'], tests: ['test/scanner/log/*.test.ts'] },
  quota: {
    files: ['src/scanner/scan/quota/**/*.ts'],
    tests: [
      'test/scanner/scan/quota/{ask-by-http,ask-by-udp,client,ldap,mailbox,quota-cache,reading,udp-client}.test.ts',
    ],
  },
  quotad: {
    files: ['src/quota/**/*.ts', 'src/base/protocol/quota/*.ts'],
    tests: [
      'test/base/protocol/quota/*.test.ts',
      'test/quota/{allow-networks,log,lookup-timeout,settings}.test.ts',
      'test/quota/sources/{links,mailbox-*,maildir*,quota-status,tables}.test.ts',
    ],
  },
  ldap: {
    files: ['src/base/protocol/ldap/**/*.ts'],
    tests: ['test/base/protocol/ldap/*.test.ts', 'test/scanner/scan/quota/ldap.test.ts'],
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
      'src/scanner/plugin.ts',
      'src/scanner/scan/scanners/*.ts',
      'src/scanner/scan/scanners/{attachments,contract,eicar,findings,permits,programs,run,signatures}/*.ts',
    ],
    tests: [
      'test/scanner/scan/scanners/run/run-scanners.test.ts',
      'test/scanner/scan/scanners/programs/clamscan.test.ts',
      'test/scanner/scan/scanners/eicar/eicar.test.ts',
      'test/scanner/scan/scanners/programs/scanner-program.test.ts',
      'test/scanner/scan/scanners/signatures/signature-files.test.ts',
      'test/scanner/readiness/check-scanners.test.ts',
      'test/scanner/scan/scanners/run/*.test.ts',
      'test/scanner/scan/scanners/attachments/{attachments,file-names,inspection}.test.ts',
    ],
    builtTests: [
      'test/scanner/scan/scanners/attachments/*.test.ts',
      'test/scanner/doors/slot/{cases,faults,plugins}.test.ts',
    ],
  },
  clamd: {
    files: ['src/scanner/scan/scanners/clamd/*.ts'],
    tests: [
      'test/scanner/scan/scanners/clamd/{clamd-address,fail-over,read-reply,crowds,clamd-conf,descriptors}.test.ts',
      'test/scanner/scan/scanners/clamd/{scan-commands,clamd-scanner,clamd-server,session*,versions}.test.ts',
    ],
  },
  'file-plugin': {
    files: ['src/scanner/scan/scanners/file-plugin/**/*.ts'],
    tests: ['test/scanner/scan/scanners/file-plugin/{bundle,protocol}.test.ts'],
    builtTests: [
      'test/scanner/scan/scanners/file-plugin/{file-plugin,pool,pool-faults,pool-process}.test.ts',
      'test/scanner/scan/scanners/file-plugin/{shared-object,man-page}.test.ts',
      'test/scanner/doors/slot/plugins.test.ts',
    ],
  },
  mime: {
    files: ['src/mail/mime/**/*.ts'],
    tests: [
      'test/mail/mime/leaves/{decoded-parts,reported-parts,texts-in-character-sets,text-properties}.test.ts',
      'test/mail/mime/*.test.ts',
      'test/mail/mime/{budget,carver,containers,decoders,headers,ordinary,reports,storage,structure}/*.test.ts',
      'test/mail/mime/leaves/{embedded-data,embedded-formats,file-kind,mail-starts,mailbox,save-content}.test.ts',
    ],
  },
  'slot-socket': {
    files: ['src/scanner/doors/slot/socket/**/*.ts', 'src/scanner/protocol/slot/*.ts'],
    tests: [
      'test/scanner/doors/slot/socket/{cases,conversation,request,trust}.test.ts',
      'test/scanner/protocol/slot/*.test.ts',
    ],
  },
  milter: {
    files: ['src/scanner/doors/milter/**/*.ts', 'src/scanner/protocol/milter/*.ts'],
    tests: [
      'test/scanner/doors/milter/{asking,bad-input,by-rule,crowds,encode-decision,quota,session,time}.test.ts',
      'test/scanner/protocol/milter/*.test.ts',
    ],
  },
  'clamd-door': {
    files: ['src/scanner/doors/clamd/*.ts', 'src/scanner/protocol/clamd/*.ts'],
    tests: ['test/scanner/doors/clamd/*.test.ts', 'test/scanner/protocol/clamd/*.test.ts'],
  },
  smtp: {
    files: ['src/scanner/doors/smtp/**/*.ts', 'src/scanner/protocol/smtp/*.ts'],
    tests: [
      'test/scanner/doors/smtp/{bad-input,bad-next-server,by-rule,crowds,leaving,loops,session,size}.test.ts',
      'test/scanner/protocol/smtp/*.test.ts',
    ],
  },
  policy: {
    files: ['src/scanner/doors/policy/policy-service.ts', 'src/base/protocol/policy-attributes.ts'],
    tests: [
      'test/scanner/doors/policy/door.test.ts',
      'test/base/protocol/{ask-policy,policy-attributes}.test.ts',
    ],
  },
  daemon: {
    files: ['src/scanner/{daemon,options}/**/*.ts'],
    tests: [
      'test/scanner/daemon/describe-door.test.ts',
      'test/scanner/{options,daemon/self-test}/*.test.ts',
    ],
    builtTests: ['test/scanner/daemon/**/*.test.ts'],
  },
  http: {
    files: ['src/scanner/daemon/http/**/*.ts', 'src/scanner/protocol/quarantine-api/*.ts'],
    tests: ['test/scanner/daemon/http/{access-by,events,snapshot}.test.ts'],
  },
  handling: {
    files: [
      'src/scanner/configuration/*.ts',
      'src/scanner/handling/**/*.ts',
      'src/scanner/scan/replies/*.ts',
      'src/scanner/serving/*.ts',
      'src/scanner/protocol/frames.ts',
      'src/base/protocol/connection/*.ts',
      'src/base/protocol/proxy-protocol.ts',
    ],
    tests: [
      'test/scanner/handling/*.test.ts',
      'test/scanner/scan/replies/*.test.ts',
      'test/scanner/serving/*.test.ts',
      'test/scanner/doors/milter/{by-rule,quota,session}.test.ts',
      'test/scanner/doors/slot/socket/{cases,request,trust}.test.ts',
      'test/scanner/doors/smtp/{by-rule,session}.test.ts',
      'test/scanner/protocol/milter/{packets,replies}.test.ts',
      'test/scanner/protocol/frames.test.ts',
      'test/base/protocol/connection/*.test.ts',
    ],
  },
  cli: {
    files: ['src/scanner/{cli,desk}/**/*.ts'],
    tests: [
      'test/scanner/cli/check/mail-server-config/mail-servers.test.ts',
      'test/scanner/cli/check/mail-server-config/onescand-endpoints.test.ts',
      'test/scanner/cli/check/slot/check-next-program.test.ts',
      'test/scanner/cli/check/slot/check-slot.test.ts',
      'test/scanner/cli/check/mail-server-config/unreachable-milter.test.ts',
      'test/scanner/cli/check/services/{other-clamd,package-accounts,signature-service,while-starting}.test.ts',
      'test/scanner/cli/check/test-mail/followed-log.test.ts',
      'test/scanner/cli/host/{running-services,slot-environment,systemd-unit}.test.ts',
    ],
    builtTests: [
      'test/scanner/cli/*.test.ts',
      'test/scanner/cli/{check,command,host,quarantine,root}/**/*.test.ts',
      'test/scanner/desk/*.test.ts',
    ],
  },
}

/**
 * What no component asks: the slot and the file of each program are tested as programs that were built. Nor is src/c, since
 * StrykerJS knows no C (Mull does), nor the script of the status page, which a browser runs.
 */
export const BUILT_ONLY = [
  'src/scanner/doors/slot/*.ts',
  'src/scanner/doors/slot/standalone/*.ts',
  'src/scanner/cli/onescan.ts',
  'src/scanner/daemon/onescand.ts',
  'src/quota/onescan-quotad.ts',
  'src/delay/smtp-delay.ts',
  'src/scanner/scan/scanners/file-plugin/plugin-host.ts',
  'src/scanner/scan/scanners/programs/clamscan-host.ts',
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
