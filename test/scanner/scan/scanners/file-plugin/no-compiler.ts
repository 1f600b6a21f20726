import { lacks } from '../../../../needs.mjs'

/** The reason why C plugins cannot be tested here, or false. */
export const noCompiler: string | false = lacks('C compiler', 'the addon')
