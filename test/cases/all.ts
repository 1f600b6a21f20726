import { byRule } from './by-rule.ts'
import type { Case } from './case.ts'
import { clustering } from './clustering.ts'
import { nesting } from './nesting.ts'
import { byProperty } from './properties.ts'
import { qhpsi } from './qhpsi.ts'
import { quarantining } from './quarantine.ts'
import { secondLook } from './second-look.ts'
import { tagging } from './tagging.ts'

/** Every behaviour that all doors share. */
export const allCases: readonly Case[] = [
  ...tagging,
  ...qhpsi,
  ...quarantining,
  ...nesting,
  ...secondLook,
  ...clustering,
  ...byRule,
  ...byProperty,
]
