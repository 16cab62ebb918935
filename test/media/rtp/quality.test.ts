import { describe, expect, it } from 'vitest'
import {
  G711_WITH_PLC,
  G711_WITHOUT_PLC,
  mosFromR,
  QualityEstimate,
  rFactor,
} from '../../../src/media/rtp/quality.ts'

const r = (oneWayDelay: number, loss = 0, codec = G711_WITH_PLC): number =>
  rFactor({ oneWayDelay, loss }, codec)

describe('the E-model', () => {
  it('ITU-T G.107 §7.7: R is 93.2 with all values at their defaults, a MOS of 4.41', () => {
    expect(r(0)).toBeCloseTo(93.2, 1)
    expect(mosFromR(r(0))).toBeCloseTo(4.41, 2)
  })

  it('ITU-T G.107 annex B: MOS at the ends and at the classes of G.109', () => {
    expect([0, -5, 100, 120].map(mosFromR)).toEqual([1, 1, 4.5, 4.5])
    const classes = [90, 80, 70, 60, 50].map(each => mosFromR(each).toFixed(2))
    expect(classes).toEqual(['4.34', '4.02', '3.60', '3.10', '2.58'])
    for (let each = 0; each < 100; each++) expect(mosFromR(each + 1)).toBeGreaterThanOrEqual(mosFromR(each))
  })

  it('ITU-T G.114 figure 1: delay costs little to 150 ms and much beyond', () => {
    expect(r(150)).toBeGreaterThan(89)
    expect(r(250)).toBeGreaterThan(77)
    expect(r(250)).toBeLessThan(81)
    expect(r(400)).toBeGreaterThan(60)
    expect(r(400)).toBeLessThan(64)
    for (let delay = 0; delay < 500; delay += 5) expect(r(delay + 5)).toBeLessThan(r(delay))
  })

  it('ITU-T G.113 table I.4: loss costs G.711 much more without concealment', () => {
    expect(r(0) - r(0, 0.02)).toBeCloseTo((95 * 2) / (2 + 25.1), 6)
    expect(r(0) - r(0, 0.02, G711_WITHOUT_PLC)).toBeCloseTo((95 * 2) / (2 + 4.3), 6)
  })

  it('ITU-T G.107 §7.5: losses in bursts cost more than the same losses at random', () => {
    const burst = rFactor({ oneWayDelay: 0, loss: 0.02, burstRatio: 2 }, G711_WITH_PLC)
    expect(burst).toBeLessThan(r(0, 0.02))
  })

  it('is null until delay and loss were measured', () => {
    const estimate = new QualityEstimate(G711_WITH_PLC)
    expect([estimate.r, estimate.mos]).toEqual([null, null])
    estimate.measuredDelay(50)
    expect(estimate.mos).toBeNull()
    estimate.measuredLoss(0.01)
    expect(estimate.mos).toBeCloseTo(mosFromR(r(50, 0.01)), 9)
  })
})
