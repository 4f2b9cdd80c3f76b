// Firewalls that drop forwarded packets by default, Docker's first of all: the bridge gets its exceptions in them.

import type { Nftables } from '../kernel/nftables.ts'
import { kindOf } from '../lib/errors.ts'

const families = ['ip', 'ip6'] as const

/**
 * If the host's `filter` table, as iptables keeps it, drops what is forwarded, puts rules for `bridge` in front: into
 * DOCKER-USER, which is made for that, or into FORWARD. They let pass what the daemon's own table has decided about,
 * except from the bridge to Docker's networks, which stay as closed as Docker has them. Returns true if any was added.
 */
export function allowForwarding(nft: Nftables, bridge: string): boolean {
  const added = families.map(family => {
    const forward = chainText(nft, family, 'FORWARD')
    if (forward === undefined || !/policy drop/.test(forward)) return false
    const chain = chainText(nft, family, 'DOCKER-USER') === undefined ? 'FORWARD' : 'DOCKER-USER'
    if (ruleHandles(nft, family, chain, bridge).length > 0) return false
    const verbs = exceptions(bridge, chain === 'FORWARD' ? undefined : 'return')
    // Each is inserted in front of the one before.
    nft.run(
      verbs
        .toReversed()
        .map(rule => `insert rule ${family} filter ${chain} ${rule} comment "gantry"`)
        .join('\n'),
    )
    return true
  })
  return added.includes(true)
}

/** Takes the rules out again. */
export function withdrawForwarding(nft: Nftables, bridge: string): void {
  for (const family of families) {
    for (const chain of ['DOCKER-USER', 'FORWARD']) {
      const handles = ruleHandles(nft, family, chain, bridge)
      if (handles.length === 0) continue
      nft.run(handles.map(handle => `delete rule ${family} filter ${chain} handle ${handle}`).join('\n'))
    }
  }
}

// Only matches that iptables knows as well: it refuses to work on a chain with others.
function exceptions(bridge: string, leave: 'return' | undefined): string[] {
  const from = `iifname "${bridge}"`
  const others = leave === undefined ? [] : ['docker0', 'br-*'].map(name => `${from} oifname "${name}" ${leave}`)
  return [`oifname "${bridge}" accept`, ...others, `${from} accept`]
}

function ruleHandles(nft: Nftables, family: string, chain: string, bridge: string): string[] {
  const lines = chainText(nft, family, chain)?.split('\n') ?? []
  return lines
    .filter(line => line.includes('comment "gantry"') && line.includes(`"${bridge}"`))
    .flatMap(line => /# handle (\d+)/.exec(line)?.[1] ?? [])
}

function chainText(nft: Nftables, family: string, chain: string): string | undefined {
  try {
    return nft.run(`list chain ${family} filter ${chain}`)
  } catch (error) {
    if (kindOf(error) === 'system') return undefined
    throw error
  }
}
