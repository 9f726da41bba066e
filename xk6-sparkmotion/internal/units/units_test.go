package units

import "testing"

func TestText(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Rate(0): "0", Rate(0.25): "0.25", Rate(999): "999", Rate(999.8): "1,000", Rate(1000): "1,000", Rate(1234567): "1,234,567", Rate(-2900): "-2,900",
		About(1_740_000): "1.7 M", About(47_400): "47,000",
		Milliseconds(0.3141): "0.314 ms", Milliseconds(64.2): "64.2 ms", Milliseconds(999.7): "1 s", Milliseconds(8200): "8.2 s",
		Percent(0): "0 %", Percent(0.05): "5 %", Percent(0.00021): "0.021 %", Percent(0.99987): "99.987 %", Percent(1): "100 %",
		Minutes(30): "30 seconds", Minutes(830): "14 minutes", Minutes(7200): "2.0 hours",
		Share.Value(0.98): "98 %", Time.Value(5): "5 ms", PerSecond.Value(5): "5/s", Count.Value(5000): "5,000",
		Size(812): "812 B", Size(64_240): "64.2 kB", Size(999_700): "1 MB", Size(9_100_000): "9.1 MB", Size(2.5e12): "2,500 GB",
		Rows.Value(50_000): "50,000 rows", Bytes.Value(1e6): "1 MB",
		Time.Optional(nil): "-", Share.Optional(new(float64)): "0 %",
		Share.Difference(-0.012): "1.2 pp", Time.Difference(-12): "12 ms",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
