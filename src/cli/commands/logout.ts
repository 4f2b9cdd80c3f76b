// `gantry logout`: forgets who one is at a registry.

import { messageOf } from '../../lib/errors.ts'
import { eraseCredentials, hostOf, indexServer } from '../login/credentials.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[SERVER]',
  summary: 'Log out from a registry',
  flags: [],
  operands: { min: 0, max: 1 },
  async run({ env, stdout, stderr }, _flags, [address = '']) {
    const host = hostOf(address)
    // Under which names they may have been kept.
    const servers = address === '' ? [indexServer] : [address, host, `http://${host}`, `https://${host}`]
    stdout.write(`Removing login credentials for ${address === '' ? indexServer : host}\n`)
    const failures: string[] = []
    for (const server of servers) {
      try {
        await eraseCredentials(env, server)
      } catch (error) {
        failures.push(`${server}: ${messageOf(error)}`)
      }
    }
    if (failures.length === servers.length) {
      stderr.write(`WARNING: could not erase credentials:\n${failures.map(line => `${line}\n`).join('')}`)
    }
    return 0
  },
}
