// An output that nobody reads.

import { Writable } from 'node:stream'

/** Takes what is written and does nothing with it. */
export const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
