/** Draws a chart as SVG text, without a browser. Positions are doubles; every number a reader sees is written from its exact form. */
import * as echarts from 'echarts';
import type { Speech } from '../../document/cells.ts';
import type { Chart } from '../../report/model.ts';
import { fontStack } from '../fonts.ts';
import { categoryOptions } from './category-options.ts';
import type { ChartLook } from './look.ts';
import { pieOptions } from './pie-options.ts';
import { scatterOptions } from './scatter-options.ts';

export const CHART_WIDTH = 720;

export function drawChart(chart: Chart, speech: Speech, look: ChartLook): string {
  const { options, height } =
    chart.kind === 'scatter'
      ? scatterOptions(chart, speech, look)
      : chart.kind === 'pie'
        ? pieOptions(chart, speech, look)
        : categoryOptions(chart, speech, look);
  const canvas = echarts.init(null, null, { renderer: 'svg', ssr: true, width: CHART_WIDTH, height });
  try {
    canvas.setOption({
      ...options,
      animation: false,
      textStyle: { fontFamily: fontStack(look.font, look.rightToLeft ? 'ar' : 'en').join(', ') },
    });
    return canvas.renderToSVGString();
  } finally {
    canvas.dispose();
  }
}
