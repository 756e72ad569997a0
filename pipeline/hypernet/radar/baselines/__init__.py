"""The methods that dynamic convolution is compared with: last image, one motion, regression, a CNN, optical flow."""
