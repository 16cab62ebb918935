export {
  type ComfortNoise,
  ComfortNoiseGenerator,
  encodeComfortNoise,
  measureNoise,
  parseComfortNoise,
} from './comfort-noise.ts'
export { Concealment } from './concealment.ts'
export {
  DTMF_HIGH,
  DTMF_LOW,
  DtmfDetector,
  type DtmfDetectorOptions,
  dtmfFrequencies,
  dtmfTone,
} from './dtmf.ts'
export { goertzelPower, type ToneLevel, toneLevel } from './goertzel.ts'
export { openWavFile, WavFileReader, type WavReaderOptions } from './io/wav-file-reader.ts'
export { createWavFile, type WavFileOptions, WavFileWriter } from './io/wav-file-writer.ts'
export { amplitudeOf, levelOf, powerLevel } from './level.ts'
export { MediaClock, type MediaClockUser, Pace } from './media-clock.ts'
export { type Cadence, ToneGenerator, type ToneOptions } from './tone.ts'
export {
  frameLength,
  parseWav,
  samplesOf,
  type WavEncoding,
  type WavFormat,
  type WavHeader,
  type WavSink,
  WavWriter,
  wavHeader,
} from './wav.ts'
