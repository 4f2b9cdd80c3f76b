// Netlink attributes: type, length, value, padded to four bytes; some hold further attributes.

import ipaddr from 'ipaddr.js'
import { align } from './netlink.ts'

const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

/** An attribute with raw bytes as its value. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const encoded = Buffer.alloc(align(4 + value.length))
  encoded.writeUInt16LE(4 + value.length, 0)
  encoded.writeUInt16LE(type, 2)
  encoded.set(value, 4)
  return encoded
}

/** An attribute that holds other attributes. */
export const nested = (type: number, ...children: Uint8Array[]): Buffer =>
  attribute(type | NLA_F_NESTED, Buffer.concat(children))

/** A NUL-terminated string. */
export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`))

export const uint8 = (type: number, value: number): Buffer => attribute(type, Uint8Array.of(value))

/** 32 bits in host order. */
export function uint32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return attribute(type, bytes)
}

/** 16 bits in network order, as netfilter has ports. */
export const networkUint16 = (type: number, value: number): Buffer =>
  attribute(type, Uint8Array.of(value >> 8, value & 0xff))

/** An IPv4 or IPv6 address in text form. */
export const address = (type: number, value: string): Buffer => attribute(type, addressBytes(value))

/** A MAC address such as `02:42:ac:11:00:02`. */
export const hardwareAddress = (type: number, value: string): Buffer => attribute(type, macBytes(value))

/** The 4 or 16 bytes of an IP address. */
export const addressBytes = (value: string): Uint8Array => Uint8Array.from(ipaddr.parse(value).toByteArray())

/** The text of an address of 4 or 16 bytes, IPv6 in its short form (RFC 5952). */
export const addressText = (bytes: Uint8Array): string => ipaddr.fromByteArray([...bytes]).toString()

const macBytes = (value: string): Buffer => Buffer.from(value.replaceAll(':', ''), 'hex')

/** The text of a MAC address. */
export const macText = (bytes: Uint8Array): string =>
  [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(':')

/** The attributes in `body` from `offset` on, by type. */
export function readAttributes(body: Buffer, offset = 0): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = offset; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at)
    if (length < 4 || at + length > body.length) break
    found.set(body.readUInt16LE(at + 2) & NLA_TYPE_MASK, body.subarray(at + 4, at + length))
    at += align(length)
  }
  return found
}

/** A string attribute's value without its NUL. */
export const textOf = (value: Buffer): string => value.toString('latin1').replace(/\0.*$/s, '')

/** AF_INET or AF_INET6, by the form of `value`. */
export const familyOf = (value: string): number => (value.includes(':') ? 10 : 2)
