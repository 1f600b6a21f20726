import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mustRunOwn } from '../../../src/cli/shared/must-run-own.ts'
import { openDirectory } from '../../programs/reachable.ts'

const skip = process.geteuid?.() !== 0 && 'run as root'
const refused = /^root does not run .*user 54321 may write to/

t.test(
  'root runs only what nobody but root could have written, by whatever name',
  { skip },
  async (t) => {
    const directory = openDirectory(t)
    const at = (...names: string[]) => join(directory, ...names)
    for (const name of ['own', 'hers']) {
      mkdirSync(at(name))
      for (const program of ['scan', 'perl'])
        writeFileSync(at(name, program), '#!/bin/sh\n', { mode: 0o755 })
    }
    chownSync(at('hers'), 54_321, 54_321)
    writeFileSync(at('own/by-env'), '#!/usr/bin/env perl\n', { mode: 0o755 })
    writeFileSync(at('own/by-hers'), `#!${at('hers/perl')} -w\n`, { mode: 0o755 })

    mustRunOwn([at('own/scan'), '%s'])
    mustRunOwn(['scan', '%s'], at('own'))
    mustRunOwn([at('own/by-env')], at('own'))
    mustRunOwn(['nowhere', '%s'], at('own'))
    t.throws(() => mustRunOwn([at('hers/scan')]), { kind: 'config', message: refused }, 'its place')
    t.throws(
      () => mustRunOwn(['scan'], `${at('hers')}:${at('own')}`),
      { message: refused },
      'by PATH',
    )
    t.throws(
      () => mustRunOwn(['by-env'], `${at('own')}:${at('hers')}`),
      { message: refused },
      'what env(1) would find',
    )
    t.throws(() => mustRunOwn([at('own/by-hers')]), { message: refused }, 'its interpreter')
    t.throws(
      () => mustRunOwn(['/bin/sh', at('hers/scan'), '%s']),
      { message: refused },
      'its script',
    )
    chownSync(at('own/scan'), 54_321, 0)
    t.throws(() => mustRunOwn(['scan'], at('own')), { message: refused }, 'the file itself')
  },
)
