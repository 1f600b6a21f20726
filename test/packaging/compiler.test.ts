import t from 'tap'
import { runCompiler } from '../../packaging/builds/compile-c.mjs'

t.test('a compiler that is not there is named, and no call of Node', async (t) => {
  t.throws(() => runCompiler(['/nonexistent/cc', '-v']), {
    message: 'there is no C compiler /nonexistent/cc here',
  })
  t.throws(() => runCompiler(['/bin/false']), /Command failed: \/bin\/false/)
})
