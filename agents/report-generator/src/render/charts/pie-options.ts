/** Pies: parts of one whole, each with its share. */
import { categoryText, type Speech } from '../../document/cells.ts';
import { decimalOf, dividedBy, plain, sum } from '../../numbers/decimal.ts';
import type { CategoryChart } from '../../report/model.ts';
import type { Drawn } from './category-options.ts';
import type { ChartLook } from './look.ts';
import { INK, LINE, paletteOf } from './palette.ts';

const RIGHT_TO_LEFT_MARK = '\u200f';

/** Only parts above zero can be drawn as slices; the table beside holds the rest. */
export function pieOptions(chart: CategoryChart, speech: Speech, look: ChartLook): Drawn {
  const values = chart.series[0]?.values ?? [];
  const parts = chart.categories.flatMap((category, index) => {
    const value = values[index]?.value;
    return value === undefined || Number(value) <= 0 ? [] : [{ name: categoryText(category, speech), value }];
  });
  const whole = sum(parts.map((part) => decimalOf(part.value)));
  // Without it a percent sign at the end of Arabic text jumps to the other side.
  const mark = look.rightToLeft ? RIGHT_TO_LEFT_MARK : '';
  const labels = new Map(parts.map((part) => [part.name, `${mark}${part.name}  ${shareText(part.value)}${mark}`]));
  function shareText(value: string): string {
    const share = dividedBy(decimalOf(value), whole);
    return share === undefined ? '' : speech.write.percent(plain(share.amount));
  }
  return {
    height: 280,
    options: {
      color: paletteOf(look.primary, look.accent),
      series: [
        {
          type: 'pie',
          radius: ['46%', '78%'],
          center: ['50%', '50%'],
          clockwise: !look.rightToLeft,
          itemStyle: { borderColor: '#ffffff', borderWidth: 2 },
          label: { color: INK, fontSize: 12, formatter: ({ name }: { name: string }) => labels.get(name) ?? name },
          labelLine: { lineStyle: { color: LINE } },
          data: parts.map((part) => ({ name: part.name, value: Number(part.value) })),
        },
      ],
    },
  };
}
