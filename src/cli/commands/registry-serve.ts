// `gantry registry serve`: becomes the registry's own program, which needs no engine.

import { flag } from '../flags.ts'
import { becomeRegistry } from '../registry-program.ts'
import type { Verb } from '../verb.ts'

const serverFlags = ['config', 'root', 'listen', 'htpasswd', 'tls-cert', 'tls-key', 'tls-client-ca']

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Serve an OCI registry from a directory',
  flags: [
    flag('config', 'text', 'Configuration file, with users and their rights'),
    flag('htpasswd', 'text', 'File of users with bcrypt hashes, who may do everything'),
    flag('tls-cert', 'text', 'Certificate to serve HTTPS with'),
    flag('tls-key', 'text', 'Key of the certificate'),
    flag('tls-client-ca', 'text', 'Authority that clients must have a certificate of'),
    flag('root', 'text', 'Directory of the content (default "/var/lib/gantry-registry")'),
    flag('listen', 'text', 'Address to listen on (default "127.0.0.1:5000")'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const options = serverFlags.flatMap(name => {
      const value = flags.text(name)
      return value === undefined ? [] : [`--${name}=${value}`]
    })
    return becomeRegistry(['serve', ...options], context.env)
  },
}
