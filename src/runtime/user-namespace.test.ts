// User namespaces on the real kernel: what belongs to them, and layers that they see as their own.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { inNetworkNamespace } from '../kernel/namespace.ts'
import { mountMappedByAttaching, mountMappedOverlay } from '../kernel/overlay-mapped.ts'
import { mapOf, rootOf } from '../lib/id-map.ts'
import { shimProgram } from './shim.ts'
import { createNetworkIn, createUserNamespace } from './user-namespace.ts'

const map = mapOf({ container: 0, host: 700000, size: 1000 })

describe('a user namespace', () => {
  // overlayfs takes no tmpfs as a work directory of another device, and /tmp may be one.
  const directory = mkdtempSync(join('/var/tmp', 'gantry-users-'))
  after(() => rmSync(directory, { recursive: true }))

  it('has its ids and a network of its own', async () => {
    const { user, network } = await createUserNamespace(map, shimProgram)
    using _user = user
    using _network = network

    const owner = inNetworkNamespace(network, () => lstatSync('/proc/sys/net/ipv4/conf/all/forwarding').uid)
    equal(owner, 700000)
    using other = await createNetworkIn(user, shimProgram)
    equal(readlinkSync(other.path) === readlinkSync(network.path), false)
  })

  it('is not made without the program', async () => {
    await rejects(createUserNamespace(map, '/nonexistent'), /posix_spawn \/nonexistent/)
  })

  for (const [name, mount] of Object.entries({ mountMappedOverlay, mountMappedByAttaching })) {
    it(`sees layers as its own, which stay as they are (${name})`, async () => {
      const { user, network } = await createUserNamespace(map, shimProgram)
      network.close()
      using namespace = user
      const place = mkdtempSync(join(directory, 'overlay-'))
      const [layers, own] = [join(place, 'layers'), join(place, 'own')]
      for (const path of ['layers/a', 'layers/b', 'own/upper', 'own/work'])
        mkdirSync(join(place, path), { recursive: true })
      writeFileSync(join(layers, 'a/file'), 'lower')
      const before = readFileSync('/proc/self/mountinfo', 'utf8')
      const overlay = {
        lower: [join(layers, 'a'), join(layers, 'b')],
        upper: join(own, 'upper'),
        work: join(own, 'work'),
      }
      using tree = mount(overlay, { namespace, root: rootOf(map) }, [layers, own])
      const { uid, gid } = lstatSync(join(tree.path, 'file'))
      deepEqual([uid, gid], [700000, 700000])
      // The copy is made by the mount, as its own root.
      writeFileSync(join(tree.path, 'file'), 'upper')
      equal(lstatSync(join(own, 'upper/file')).uid, 0)
      equal(readFileSync(join(layers, 'a/file'), 'utf8'), 'lower')
      equal(readFileSync('/proc/self/mountinfo', 'utf8'), before)
    })
  }
})
