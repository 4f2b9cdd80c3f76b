// Subnets and the addresses given out of them.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { Addresses } from './addresses.ts'
import { macOf } from './mac.ts'
import {
  broadcastOf,
  chooseSubnet,
  contains,
  defaultPools,
  formatSubnet,
  parseSubnet,
  toNumber,
  toText,
} from './subnet.ts'

const make = (cidr: string, gateway: string) => new Addresses(parseSubnet(cidr), [gateway])

describe('addresses', () => {
  test('are given in order, after the gateway', () => {
    const addresses = make('172.17.0.0/16', '172.17.0.1')
    assert.deepEqual([addresses.take(), addresses.take()], ['172.17.0.2', '172.17.0.3'])
  })

  test('that are given back are the first to be given again', () => {
    const addresses = make('10.0.0.0/29', '10.0.0.1')
    const first = addresses.take()
    addresses.take()
    addresses.release(first)
    assert.equal(addresses.take(), first)
  })

  test("of one's own choice may be outside the range, those of the engine's choice are in it", () => {
    const addresses = new Addresses(parseSubnet('10.0.0.0/24'), ['10.0.0.1', '10.0.0.9'], parseSubnet('10.0.0.8/30'))
    assert.equal(addresses.takeThis('10.0.0.2'), '10.0.0.2')
    assert.deepEqual(
      [8, 10, 11].map(() => addresses.take()),
      ['10.0.0.8', '10.0.0.10', '10.0.0.11'],
    )
    assert.throws(() => addresses.take(), { kind: 'unavailable' })
    addresses.release('10.0.0.2')
    assert.throws(() => addresses.take(), { kind: 'unavailable' })
    addresses.release('10.0.0.10')
    assert.equal(addresses.take(), '10.0.0.10')
  })

  test('are refused when there are none', () => {
    const addresses = make('10.0.0.0/29', '10.0.0.1')
    const all = Array.from({ length: 5 }, () => addresses.take())
    assert.deepEqual(all, ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'])
    assert.throws(() => addresses.take(), { kind: 'unavailable' })
    addresses.release('10.0.0.4')
    assert.equal(addresses.take(), '10.0.0.4')
  })

  test('of one’s choice are refused if taken, outside, or not a host', () => {
    const addresses = make('10.0.0.0/24', '10.0.0.1')
    assert.equal(addresses.takeThis('10.0.0.9'), '10.0.0.9')
    for (const taken of ['10.0.0.9', '10.0.0.1', '10.0.0.0', '10.0.0.255']) {
      assert.throws(() => addresses.takeThis(taken), { kind: 'conflict', message: 'Address already in use' }, taken)
    }
    assert.throws(() => addresses.takeThis('10.0.1.1'), { kind: 'invalid' })
    assert.throws(() => addresses.takeThis('fd00::1'), { kind: 'invalid' })
  })

  test('that are restored are not given again', () => {
    const addresses = make('10.0.0.0/29', '10.0.0.1')
    addresses.restore('10.0.0.3')
    addresses.restore('192.0.2.1')
    assert.deepEqual([addresses.take(), addresses.take(), addresses.take(), addresses.take()].toSorted(), [
      '10.0.0.2',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
    ])
  })

  test('are never given twice, whatever is taken and given back', () => {
    const step = fc.oneof(fc.constant('take'), fc.nat(20))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const addresses = make('fd00::/122', 'fd00::1')
        const held: string[] = []
        for (const move of steps) {
          if (move === 'take') held.push(addresses.take())
          else held.splice(Number(move), 1).forEach(address => addresses.release(address))
          assert.equal(new Set([...held, 'fd00::1', 'fd00::']).size, held.length + 2)
        }
      }),
    )
  })
})

describe('subnets', () => {
  test('the first that overlaps nothing is chosen', () => {
    const taken = ['172.17.0.0/16', '172.18.128.0/20', '172.16.0.0/14'].map(parseSubnet)
    const chosen = chooseSubnet(defaultPools, taken)
    assert.equal(chosen && formatSubnet(chosen), '172.20.0.0/16')
  })

  test('the pools end in small ones, and then there is none', () => {
    const small = chooseSubnet(defaultPools, [parseSubnet('172.16.0.0/12'), parseSubnet('192.168.0.0/19')])
    assert.equal(small && formatSubnet(small), '192.168.32.0/20')
    assert.equal(chooseSubnet(defaultPools, [parseSubnet('0.0.0.0/0')]), undefined)
    assert.ok(chooseSubnet(defaultPools, [parseSubnet('::/0')]))
  })

  test('contain their addresses only', () => {
    const subnet = parseSubnet('10.1.2.3/24')
    assert.equal(formatSubnet(subnet), '10.1.2.0/24')
    assert.ok(contains(subnet, '10.1.2.255'))
    assert.ok(!contains(subnet, '10.1.3.0'))
    assert.ok(!contains(subnet, '::a01:203'))
  })

  test('text that is none is refused', () => {
    for (const text of ['', '10.0.0.0', '10.0.0.0/33', 'x/8'])
      assert.throws(() => parseSubnet(text), { kind: 'invalid' })
  })

  test('have a broadcast address in IPv4', () => {
    assert.equal(broadcastOf('172.17.0.2', 16), '172.17.255.255')
    assert.equal(broadcastOf('fd00::2', 64), undefined)
  })

  test('addresses and numbers are the same', () => {
    fc.assert(fc.property(fc.ipV4(), address => toText(toNumber(address), 4) === address))
    const ipv6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })
    fc.assert(fc.property(ipv6, number => toNumber(toText(number, 6)) === number))
  })
})

test('a MAC is made of the address', () => assert.equal(macOf('172.17.0.2'), '02:42:ac:11:00:02'))
