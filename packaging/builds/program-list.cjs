'use strict'
// The programs of the packages: the one list of them. Builds read it, and so does the compiled runtime, which
// holds what `load` names. test/packaging/program-list.test.ts compares it with bin/, by which npm and the Makefile
// know what an administrator runs.

/**
 * Those in TypeScript: `source` below src/, `load` imports the bundle, and `until` is the exit code until the
 * program has decided otherwise.
 */
exports.programs = {
  'onescan-queue': {
    source: 'scanner/doors/slot/standalone/onescan-queue.ts',
    load: () => import('../../build/slot/onescan-queue.mjs'),
    until: 81,
  },
  onescan: {
    source: 'scanner/cli/onescan.ts',
    load: () => import('../../dist/onescan.cjs'),
    until: 2,
  },
  onescand: {
    source: 'scanner/daemon/onescand.ts',
    load: () => import('../../dist/onescand.cjs'),
    until: 111,
  },
  'onescan-quotad': {
    source: 'quota/onescan-quotad.ts',
    load: () => import('../../dist/onescan-quotad.cjs'),
    until: 111,
  },
  'smtp-delay': {
    source: 'delay/smtp-delay.ts',
    load: () => import('../../dist/smtp-delay.cjs'),
    until: 111,
  },
  // Only other programs start these.
  'onescan-plugin-host': {
    source: 'scanner/scan/scanners/file-plugin/plugin-host.ts',
    load: () => import('../../dist/onescan-plugin-host.cjs'),
    until: 81,
  },
  'onescan-clamscan': {
    source: 'scanner/scan/scanners/programs/clamscan-host.ts',
    load: () => import('../../dist/onescan-clamscan.cjs'),
    until: 81,
  },
}

/** Those of `programs` that only other programs start. */
exports.startedByOthers = ['onescan-plugin-host', 'onescan-clamscan']

/** Those in C that qmail-smtpd starts for each message or recipient; compile-c.mjs has their directories. */
exports.programsInC = ['onescanc', 'onescan-rcptquota']
