// Rooms of src/ whose tests a mutation tester asks, and where those tests are: the ones that need
// no server of another program, since each is run hundreds of times.

/** @type {Readonly<Record<string, { files: readonly string[], tests: readonly string[] }>>} */
export const ROOMS = {
  judge: { files: ['src/judge/**/*.ts'], tests: ['test/judge/*.test.ts'] },
  cluster: { files: ['src/cluster/**/*.ts'], tests: ['test/cluster/*.test.ts'] },
  verdicts: {
    files: ['src/verdicts/*.ts', 'src/verdicts/{copies,store}/*.ts'],
    tests: ['test/verdicts/*.test.ts', 'test/verdicts/{copies,store}/*.test.ts'],
  },
  message: { files: ['src/message/**/*.ts'], tests: ['test/message/*.test.ts'] },
  envelope: { files: ['src/message/envelope/**/*.ts'], tests: ['test/message/envelope/*.test.ts'] },
  quota: {
    files: ['src/quota/ask/**/*.ts'],
    tests: ['test/quota/ask/{cache,client,http,ldap,mailbox-name,reading,udp,udp-client}.test.ts'],
  },
  ldap: {
    files: ['src/quota/ldap/**/*.ts'],
    tests: [
      'test/quota/ldap/*.test.ts',
      'test/quota/ask/ldap.test.ts',
      'test/quota/tell/sources/ldap.test.ts',
    ],
  },
  delay: {
    files: ['src/delay/shared/**/*.ts', 'src/delay/gate/{remembered-clients,waiting-room}.ts'],
    tests: [
      'test/delay/{plan,names,options,allow-list,reverse-dns,explain}.test.ts',
      'test/delay/gate/{remembered-clients,waiting-room}.test.ts',
    ],
  },
  scan: {
    files: [
      'src/scan/{scan,eicar/eicar,shared/signature-files}.ts',
      'src/scan/{attachments,run}/*.ts',
      'src/scan/clamd/{address,clamd-reply,health,scan-commands,server-queue}.ts',
    ],
    tests: [
      'test/scan/{scan,eicar/eicar,shared/signature-files}.test.ts',
      'test/scan/run/*.test.ts',
      'test/scan/attachments/{attachments,file-names,rules,search}.test.ts',
      'test/scan/clamd/{address,clamd-reply,health,scan-commands,server-queue}.test.ts',
    ],
  },
  mime: { files: ['src/mime/**/*.ts'], tests: ['test/mime/**/*.test.ts'] },
}
